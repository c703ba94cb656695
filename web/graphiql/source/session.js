// Who is signed in. The token lives as long as the tab, and nowhere else.

const ENDPOINT = "/graphql";
const TOKEN = "wisptrail:token";

/** A sentence for the person in front of the page. */
export class Refusal extends Error {}

async function ask(query, variables, token) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer;
  try {
    const response = await fetch(ENDPOINT, {
      method: "POST",
      headers,
      credentials: "omit",
      body: JSON.stringify({ query, variables }),
    });
    answer = await response.json();
  } catch {
    throw new Refusal("The server does not answer. Try again in a moment.");
  }
  const error = answer.errors?.[0];
  if (!error) return answer.data;
  const refusal = new Refusal(error.message);
  refusal.code = error.extensions?.code;
  throw refusal;
}

/** Exchanges a user name and a password for a token. */
export async function logIn(username, password) {
  const mutation =
    "mutation LogIn($username: String!, $password: String!) { logIn(username: $username, password: $password) { token } }";
  try {
    return (await ask(mutation, { username, password })).logIn.token;
  } catch (refusal) {
    if (refusal.code === "UNAUTHENTICATED") {
      throw new Refusal("The user name or the password is wrong.");
    }
    throw refusal;
  }
}

/** Whoever a token belongs to: `{ actor, superuser }`. */
export async function viewer(token) {
  // What cannot be written into a header cannot be a token.
  if (!/^[\x21-\x7e]{1,512}$/.test(token)) throw new Refusal("The token is not valid.");
  try {
    return (await ask("{ viewer { actor superuser } }", {}, token)).viewer;
  } catch (refusal) {
    if (refusal.code === "UNAUTHENTICATED") throw new Refusal("The token is not valid.");
    throw refusal;
  }
}

export function keptToken() {
  return sessionStorage.getItem(TOKEN);
}

export function keep(token) {
  sessionStorage.setItem(TOKEN, token);
}

/** Forgets the token, and what the editor remembers of the person who leaves. */
export function forget() {
  sessionStorage.clear();
}
