// Requests to our own REST API. Refusals come back as one sentence that says what was wrong.

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const csrf = () => document.querySelector("meta[name=csrf-token]")?.content ?? "";

// randomUUID exists only in secure contexts, and a server on the home network is often plain http.
function key() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function sentence(problem, status) {
  const said = problem?.detail ?? problem?.title;
  const fields = Object.entries(problem?.errors ?? {}).map(([field, errors]) => `${field}: ${[errors].flat().join(" ")}`);
  if (said || fields.length) return [said, ...fields].filter(Boolean).join(" ");
  if (status === 401 || status === 403) return "You are not signed in here any more. Reload the page and sign in.";
  return `The server answered ${status} and gave no reason. Its log says more.`;
}

async function request(method, path, body) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") Object.assign(headers, { "X-CSRFToken": csrf(), "Idempotency-Key": key() });
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, credentials: "same-origin", body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError("The server cannot be reached. Nothing was done; try again when the connection is back.", 0);
  }
  const said = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(sentence(said, answer.status), answer.status);
  return said;
}

export const get = (path, query = {}) => {
  const wanted = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return request("GET", wanted.length ? `${path}?${new URLSearchParams(wanted)}` : path);
};
export const post = (path, body = {}) => request("POST", path, body);
export const put = (path, body) => request("PUT", path, body);

/** A list from any of the shapes that lists come in. */
export const rows = (answer) => (Array.isArray(answer) ? answer : (answer?.results ?? answer?.candles ?? answer?.items ?? []));

export const bootstrap = () => JSON.parse(document.getElementById("bootstrap")?.textContent || "{}");
