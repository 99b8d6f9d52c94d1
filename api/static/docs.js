// Starts the API's documentation. Asks no other host: the online validator stays off. Links to single operations are off too: they
// would be links within buttons, which keyboards and screen readers cannot reach.
SwaggerUIBundle({
  url: "/api/v1/openapi.json", dom_id: "#docs", validatorUrl: null,
  // What stands above its main part is the page's head; of its headings one level is left out.
  onComplete: () => {
    for (const head of document.querySelectorAll(".information-container")) head.setAttribute("role", "banner");
    for (const [of, level] of [["h3.opblock-tag", 2], [".models h4, .models h3", 2]]) {
      for (const heading of document.querySelectorAll(of)) heading.setAttribute("aria-level", level);
    }
  },
  requestInterceptor: (request) => {
    request.headers["X-CSRF-Token"] = document.querySelector("meta[name=csrf-token]").content;
    return request;
  },
});
