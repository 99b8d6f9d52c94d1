{# Folders of runs, as they told them. #}
{% from "schemas/macros/runs.sql" import run_rows %}

{# The run {run_id}, and the runs that are not over and were heard since {live_since} (ms): where they work and write. #}
{% macro folders_in_use() %}
SELECT
    run_id, name,
    facts.output_dir AS output_dir,
    facts.launch_dir AS launch_dir,
    facts.work_dir AS work_dir,
    fact_texts.params AS params
FROM {{ run_rows("run_id = {run_id:String} OR run_id IN (
        SELECT run_id FROM runs FINAL
        WHERE tupleElement(completed, 'hash') = 0 AND tupleElement(seen, 'appended') >= {live_since:Int64})") }}
ORDER BY run_id
{% endmacro %}

{# The partition, of {partitions}, to which a run's messages on the topic of transitions go: what Kafka's producers make of their key. #}
{% macro run_partition(run_id) -%}
bitAnd(kafkaMurmurHash({{ run_id }}), 2147483647) % {partitions:UInt32}
{%- endmacro %}
