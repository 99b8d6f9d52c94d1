{% from "schemas/macros/runs.sql" import run_statuses %}
{# Which runs a list or a sum is of: the condition of `RunFilter` (api/core/params.py), over rows of `run_list`.

   An empty text or list does not filter, nor do the least and the greatest time; hidden runs come only if {hidden}.
   {after_ms} <= start < {before_ms}, where a run without a start is placed by its first append.
   A run that is over has the status that its end reported; only those of the others, which are few, need be judged, and where
   `any_status` is set none: import it with context. #}
{% set placed_ms = "ifNull(start_ms, first_ms)" %}
{% set matches_filter -%}
{% if any_status is not defined %}
(empty({statuses:Array(String)}) OR if(over, state IN {statuses:Array(String)}, run_id IN (
        SELECT run_id
        FROM {{ run_statuses(live=true) }}
        WHERE status IN {statuses:Array(String)})))
    AND {% endif %}
({search:String} = '' OR position(searched, lowerUTF8({search:String})) > 0)
    AND ({pipeline:String} = '' OR pipeline = {pipeline:String})
    AND ({label:String} = '' OR has(labels, {label:String}))
    AND ({hidden:Bool} OR NOT hidden)
    AND ({user:String} = '' OR user_name = {user:String} OR owner = {user:String})
    AND ({session_id:String} = '' OR session_id = {session_id:String})
    AND ({after_ms:Int64} = -9223372036854775807 OR {{ placed_ms }} >= {after_ms:Int64})
    AND ({before_ms:Int64} = 9223372036854775807 OR {{ placed_ms }} < {before_ms:Int64})
{%- endset %}
