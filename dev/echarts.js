// What the pictures need of ECharts, in one file: `npm run vendor` bundles it into api/static/vendor.
import { BarChart, BoxplotChart, CustomChart, LineChart } from "echarts/charts";
import {
  DataZoomComponent, GridComponent, LegendComponent, MarkLineComponent, MarkPointComponent, TooltipComponent,
} from "echarts/components";
import { graphic, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([
  BarChart, BoxplotChart, CustomChart, LineChart, CanvasRenderer,
  DataZoomComponent, GridComponent, LegendComponent, MarkLineComponent, MarkPointComponent, TooltipComponent,
]);
window.echarts = { graphic, init };
