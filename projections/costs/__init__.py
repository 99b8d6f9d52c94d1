"""Price books: what an hour of a machine costs, from which day on, and which book is in force."""
