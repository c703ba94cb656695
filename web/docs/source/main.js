// Shows the document that the server serves, with a form to try each operation.

import SwaggerUI from "swagger-ui";

SwaggerUI({
  domNode: document.getElementById("page"),
  url: document.querySelector('meta[name="document"]').content,
  deepLinking: true,
  docExpansion: "list",
  // The token that somebody enters is forgotten with the page.
  persistAuthorization: false,
  // Nobody else is asked whether the document is valid.
  validatorUrl: null,
});
