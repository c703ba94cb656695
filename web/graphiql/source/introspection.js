// What the editor asks about the schema, within the server's bound on fields inside fields.

import { parse, print, visit } from "graphql";

/** `[[Type!]!]!`: no type of the schema has more around its name. */
const WRAPPERS = 5;

function isWrapper(node) {
  return node.kind === "Field" && node.name.value === "ofType";
}

/** The query without the levels of `ofType` that nothing needs. */
function shortened(query) {
  const document = visit(parse(query), {
    Field(node, _key, _parent, _path, ancestors) {
      const around = ancestors.filter((ancestor) => !Array.isArray(ancestor) && isWrapper(ancestor));
      return isWrapper(node) && around.length >= WRAPPERS ? null : undefined;
    },
  });
  return print(document);
}

/** A fetcher that shortens what the editor asks about the schema, and nothing that people write. */
export function withShortIntrospection(fetcher) {
  return (request, options) => {
    // The editor asks with this name, and before any document is known.
    const byEditor = request.operationName === "IntrospectionQuery" && !options?.documentAST;
    return fetcher(byEditor ? { ...request, query: shortened(request.query) } : request, options);
  };
}
