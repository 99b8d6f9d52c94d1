{# As runs_page.sql, sorted by a status or a figure: to join them takes as long as all the rest, so no other order does. #}
{% set by_figures = true %}
{% include "api/runs/runs_page.sql" %}
