// node urql.mjs URL TOKEN: a screen as urql keeps it, in the steps that test_published_clients.py names. Each prints a JSON
// line.
import { cacheExchange, Client, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, token] = process.argv.slice(2);
const authorization = `Bearer ${token}`;
const say = (step, told) => console.log(JSON.stringify({ step, ...told }));

const socket = createClient({
  url: url.replace(/^http/, "ws"),
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
});
const client = new Client({
  url,
  preferGetMethod: true,
  fetchOptions: { headers: { authorization } },
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
      }),
    }),
  ],
});

const TEAMS = gql`query Teams { teams { nodes { id name } } }`;
const SAVE = gql`mutation Save($items: [TeamInput!]!) {
  teamsUpsert(items: $items) { created teams { id name } userErrors { code message path } }
}`;
const CHANGES = gql`subscription Changes($after: String) { changes(after: $after) { kind cursor node { id ... on Team { name } } } }`;

// A screen shows the teams: urql asks again by itself when a mutation answers with one of their type.
const save = (name) => client.mutation(SAVE, { items: [{ externalId: "north", name }] });
const { data } = await save("North");
const screens = [];
let look = () => {};
const screen = client.query(TEAMS, {}).subscribe(({ data, error, stale }) => {
  if (error) throw error;
  if (!stale) screens.push(data.teams.nodes.map(({ name }) => name));
  look(screens.length);
});
const shown = (count) =>
  new Promise((resolve) => {
    look = (reached) => reached === count && resolve();
    look(screens.length);
  });
await shown(1);
await save("Far North");
await shown(2);
screen.unsubscribe();
say("screens", { screens, created: data.teamsUpsert.created });

const wrong = await client.mutation(SAVE, { items: [{ externalId: "south", name: "South", parentExternalId: "nowhere" }] });
say("user errors", wrong.data.teamsUpsert);
const refused = await client.mutation(SAVE, { items: [{ externalId: "west", name: 1 }] });
say("refused", { codes: refused.error.graphQLErrors.map(({ extensions }) => extensions.code) });

const heard = [];
await new Promise((resolve) => {
  const { unsubscribe } = client.subscription(CHANGES, {}).subscribe(({ data: { changes } }) => {
    heard.push([changes.kind, changes.node?.name ?? null]);
    if (heard.length === 1) client.mutation(SAVE, { items: [{ externalId: "east", name: "East" }] }).toPromise();
    else if (changes.node?.name === "East") {
      queueMicrotask(() => unsubscribe());
      resolve();
    }
  });
});
say("heard", { heard });
await socket.dispose();
