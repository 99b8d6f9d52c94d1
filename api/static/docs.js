// Starts the API's documentation. Asks no other host: the online validator stays off.
SwaggerUIBundle({
  url: "/api/v1/openapi.json", dom_id: "#docs", validatorUrl: null, deepLinking: true,
  requestInterceptor: (request) => {
    request.headers["X-CSRF-Token"] = document.querySelector("meta[name=csrf-token]").content;
    return request;
  },
});
