// node subscribe.mjs (ws|sse) URL TOKEN QUERY: prints each result as a JSON line and stops after the third.
import { createClient as createSse } from "graphql-sse";
import { createClient as createWs } from "graphql-ws";
import WebSocket from "ws";

const [transport, url, token, query] = process.argv.slice(2);
const authorization = `Bearer ${token}`;
const client =
  transport === "ws"
    ? createWs({ url: url.replace(/^http/, "ws"), webSocketImpl: WebSocket, connectionParams: { authorization } })
    : createSse({ url, headers: { authorization } });

let left = 3;
for await (const result of client.iterate({ query })) {
  console.log(JSON.stringify(result));
  if (--left === 0) break;
}
client.dispose();
