{# As runs_page.sql, sorted by status: that of the runs that are not over is judged. #}
{% set by_status = true %}
{% include "api/runs/runs_page.sql" %}
