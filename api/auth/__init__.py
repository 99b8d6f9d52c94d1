"""Who asks and what they may do: the gate around every route, logins and their cookies."""
