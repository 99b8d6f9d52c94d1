{% from "schemas/macros/runs.sql" import manifest_names, run_statuses, source %}
{# Which runs a list or a sum is of: the condition of `RunFilter` (api/core/params.py), over rows of `run_rows` or `run_statuses` that also
   have `searched` and `placed_ms`, the start or else the first append.

   An empty text or list does not filter, nor do the least and the greatest time; hidden runs come only if {hidden}.
   {after_ms} <= start < {before_ms}, where a run without a start is placed by its first append.
   A run that is over has the status that its end reported; only those of the others, which are few, need be judged.
   What a manifest alone names is found by single rows; with OR, which evaluates by row, a search takes twice the time of bitOr. #}
{% set searched -%}
concat(
            name, '\n', session_id, '\n', user_name, '\n', project_name, '\n', repository, '\n', arrayStringConcat(labels, '\n')
        )
{%- endset %}
{% set matches_filter -%}
(empty({statuses:Array(String)}) OR if(over, completed.state IN {statuses:Array(String)}, run_id IN (
        SELECT run_id
        FROM {{ run_statuses(over_since="9223372036854775807") }}
        WHERE status IN {statuses:Array(String)})))
    AND ({search:String} = '' OR bitOr(
        positionCaseInsensitiveUTF8(searched, {search:String}) > 0,
        {{ manifest_names("positionCaseInsensitiveUTF8(manifest_name, {search:String}) > 0") }}))
    AND ({pipeline:String} = '' OR bitOr(
        {{ source }} = {pipeline:String} AND NOT {{ manifest_names("manifest_name != ''") }},
        {{ manifest_names("manifest_name = {pipeline:String}") }}))
    AND ({label:String} = '' OR has(labels, {label:String}))
    AND ({hidden:Bool} OR NOT hidden)
    AND ({user:String} = '' OR user_name = {user:String} OR owner = {user:String})
    AND ({session_id:String} = '' OR session_id = {session_id:String})
    AND ({after_ms:Int64} = -9223372036854775807 OR placed_ms >= {after_ms:Int64})
    AND ({before_ms:Int64} = 9223372036854775807 OR placed_ms < {before_ms:Int64})
{%- endset %}
