{# Hosts that were announced, and what the runs on them paid. #}

{# The names of announced hosts on which the runs {{ run_ids }} have attempts now, or had some when they were last priced. #}
{% macro hosts_of(run_ids) -%}
SELECT DISTINCT ifNull(toString(hostname), '') FROM tasks
            WHERE run_id IN {{ run_ids }} AND hostname IN (SELECT hostname FROM hosts)
            UNION ALL SELECT DISTINCT hostname FROM host_costs WHERE run_id IN {{ run_ids }}
{%- endmacro %}

{# The version of rows and figures of a run of {run_ids} that a refresh writes: by {offsets}, then {marks}, then {price_version}. #}
{% set version_of_run -%}
bitShiftLeft(toUInt128(transform(run_id, {run_ids:Array(String)}, {offsets:Array(Int64)}, toInt64(0))), 64)
        + bitShiftLeft(toUInt128(transform(run_id, {run_ids:Array(String)}, {marks:Array(UInt32)}, toUInt32(0))), 32)
        + {price_version:UInt64}
{%- endset %}
