"""What every capability uses: the reader of the tables, parameters, cursors, problems, headers, metrics."""
