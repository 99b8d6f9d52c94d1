"""The tab with the runner's log; its script fetches and follows the log."""

from api.runs.models import Tab

LOGS = Tab("logs", "Logs", "logs/run_logs.html")
