// node audit.mjs URL TOKEN: runs the audits of GraphQL over HTTP and prints each as a JSON line {status, id, name, reason}.
import { serverAudits } from "graphql-http";

const [url, token] = process.argv.slice(2);
const fetchFn = (input, init = {}) =>
  fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

for (const audit of serverAudits({ url, fetchFn })) {
  const { status, id, name, reason } = await audit.fn();
  console.log(JSON.stringify({ status, id, name, reason: reason && String(reason) }));
}
