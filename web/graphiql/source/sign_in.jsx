import { useEffect, useRef, useState } from "react";

import { logIn, viewer } from "./session.js";

/** The form in front of the editor; tells `onSignedIn(token, viewer)`. */
export function SignIn({ notice, onSignedIn }) {
  const [way, setWay] = useState("password");
  const [sentence, setSentence] = useState(notice);
  const [busy, setBusy] = useState(false);
  const first = useRef(null);

  useEffect(() => first.current?.focus(), [way]);

  async function submit(event) {
    event.preventDefault();
    if (busy) return;
    const fields = new FormData(event.currentTarget);
    setBusy(true);
    setSentence("");
    try {
      const token =
        way === "password"
          ? await logIn(fields.get("username"), fields.get("password"))
          : fields.get("token").trim();
      onSignedIn(token, await viewer(token));
    } catch (refusal) {
      setSentence(refusal.message);
      setBusy(false);
      first.current?.focus();
    }
  }

  function choose(event) {
    setSentence("");
    setWay(event.target.value);
  }

  return (
    <main className="sign-in">
      <h1>Wisptrail</h1>
      <p>Sign in to ask and change things over GraphQL.</p>
      <form onSubmit={submit} aria-busy={busy} aria-describedby="sign-in-sentence">
        <fieldset className="sign-in-way">
          <legend>Sign in with</legend>
          <label>
            <input type="radio" name="way" value="password" checked={way === "password"} onChange={choose} />
            a password
          </label>
          <label>
            <input type="radio" name="way" value="token" checked={way === "token"} onChange={choose} />
            a token
          </label>
        </fieldset>
        {way === "password" ? (
          <>
            <label htmlFor="username">User name or e-mail address</label>
            <input
              ref={first}
              id="username"
              name="username"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck="false"
              maxLength={254}
              required
            />
            <label htmlFor="password">Password</label>
            <input id="password" name="password" type="password" autoComplete="current-password" required />
          </>
        ) : (
          <>
            <label htmlFor="token">Token</label>
            <input ref={first} id="token" name="token" type="password" autoComplete="off" maxLength={512} required />
          </>
        )}
        <p id="sign-in-sentence" className="sign-in-sentence" role="alert">
          {sentence}
        </p>
        <button type="submit" disabled={busy}>
          {busy ? "Signing in …" : "Sign in"}
        </button>
      </form>
    </main>
  );
}
