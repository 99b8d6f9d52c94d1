"""Messages to tables: rows, the observed clock, sweeps, figures, retention, prices."""
