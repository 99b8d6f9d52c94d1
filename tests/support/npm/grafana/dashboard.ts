// The dashboards of deploy/grafana, as far as Grafana says what they are, and the queries of our two data sources.
import type { Dashboard, DataQuery, Panel } from "@grafana/schema";

/** What JSON holds of a type: of an enumeration its values. */
type Json<T> = 0 extends 1 & T ? T
  : T extends string ? `${T}`
  : T extends number | boolean | null | undefined ? T
  : T extends readonly (infer U)[] ? Json<U>[]
  : { [K in keyof T]: Json<T[K]> };

type ClickHouseQuery = DataQuery & { editorType: "sql"; queryType: "table" | "timeseries"; format: 0 | 1; rawSql: string };
type PrometheusQuery = DataQuery & { expr: string; legendFormat: string };
type OurPanel = Json<Omit<Panel, "targets" | "type">> & {
  type: "stat" | "timeseries" | "table";
  targets: Json<ClickHouseQuery | PrometheusQuery>[];
};
export type OurDashboard = Json<Omit<Dashboard, "panels">> & { panels: OurPanel[] };
