import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createClient } from "graphql-ws";
import { useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";

import { withShortIntrospection } from "./introspection.js";
import { forget, keep, keptToken, viewer } from "./session.js";
import { SignIn } from "./sign_in.jsx";

const WELCOME = `# Ctrl+Enter runs what is written here, Ctrl+Space completes it.

{
  viewer {
    actor
    superuser
  }
}
`;

/** Where subscriptions go (graphql-transport-ws); the server says so when it has them. */
function live() {
  const path = document.querySelector('meta[name="subscriptions"]')?.content;
  if (!path) return null;
  const url = new URL(path, window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

function fetcherOf(token) {
  const authorization = { Authorization: `Bearer ${token}` };
  const url = live();
  // Connects when the first subscription starts.
  const wsClient = url ? createClient({ url, connectionParams: authorization }) : undefined;
  return withShortIntrospection(createGraphiQLFetcher({ url: "/graphql", headers: authorization, wsClient }));
}

function Editor({ token, who, onSignOut }) {
  const fetcher = useMemo(() => fetcherOf(token), [token]);
  return (
    <>
      <header className="session">
        <strong>Wisptrail</strong>
        <span>
          signed in as <span id="viewer">{who.actor}</span>
          {who.superuser ? " (superuser)" : ""}
        </span>
        <button type="button" onClick={onSignOut}>
          Sign out
        </button>
      </header>
      <main className="editor">
        <GraphiQL
          fetcher={fetcher}
          storage={sessionStorage}
          defaultQuery={WELCOME}
          isHeadersEditorEnabled={false}
          showPersistHeadersSettings={false}
        >
          <GraphiQL.Logo>
            <span />
          </GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}

function Page() {
  const [session, setSession] = useState({ state: keptToken() ? "asking" : "out", notice: "" });

  useEffect(() => {
    if (session.state !== "asking") return undefined;
    let left = false;
    const token = keptToken();
    viewer(token).then(
      (who) => left || setSession({ state: "in", token, who }),
      (refusal) => {
        if (left) return;
        forget();
        setSession({ state: "out", notice: refusal.message });
      },
    );
    return () => {
      left = true;
    };
  }, [session.state]);

  if (session.state === "asking") {
    return <p role="status">Signing in …</p>;
  }
  if (session.state === "in") {
    const signOut = () => {
      forget();
      setSession({ state: "out", notice: "" });
    };
    return <Editor token={session.token} who={session.who} onSignOut={signOut} />;
  }
  const signedIn = (token, who) => {
    keep(token);
    setSession({ state: "in", token, who });
  };
  return <SignIn notice={session.notice} onSignedIn={signedIn} />;
}

createRoot(document.getElementById("page")).render(<Page />);
