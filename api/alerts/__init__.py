"""Alerts: the list, and what people do about one."""
