{# As runs.sql, with the texts that are long. #}
{% set run_texts = true %}
{% include "api/runs/runs.sql" %}
