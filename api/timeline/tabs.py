"""The tab with the task timeline; its script fetches what it draws."""

from api.runs.models import Tab

TIMELINE = Tab("timeline", "Task Timeline", "timeline/run_timeline.html")
