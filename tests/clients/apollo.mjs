// node apollo.mjs URL TOKEN: a screen as Apollo Client keeps it, in the steps that test_published_clients.py names. Each
// prints a JSON line. `requests` says how each operation went out: HASH, or TEXT beside it.
import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, token] = process.argv.slice(2);
const authorization = `Bearer ${token}`;
const say = (step, told) => console.log(JSON.stringify({ step, ...told }));

const requests = [];
const counting = (input, init) => {
  const body = JSON.parse(init.body);
  requests.push(`${body.operationName} ${body.query ? "TEXT" : "HASH"}`);
  return fetch(input, init);
};
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const http = ApolloLink.from([
  new PersistedQueryLink({ sha256 }),
  new HttpLink({ uri: url, headers: { authorization }, fetch: counting }),
]);
const socket = createClient({
  url: url.replace(/^http/, "ws"),
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
});
const client = new ApolloClient({
  cache: new InMemoryCache({ possibleTypes: { UserError: ["InvalidInput", "StaleVersion"] } }),
  link: ApolloLink.split(
    ({ operationType }) => operationType === "subscription",
    new GraphQLWsLink(socket),
    http,
  ),
});

const REP = gql`query Rep { rep(externalId: "rae") { id name } }`;
const CREATE = gql`mutation Create($rep: ID!) {
  actionItemCreate(input: { repId: $rep, title: "Call back" }) { actionItem { id status version } userErrors { message } }
}`;
const ITEM = gql`query Item($id: ID!) { node(id: $id) { id ... on ActionItem { title status version } } }`;
const START = gql`mutation Start($id: ID!, $version: Int!) {
  actionItemStart(id: $id, expectedVersion: $version) {
    actionItem { id status version } userErrors { code message path }
  }
}`;
const CHANGED = gql`subscription Changed { actionItemChanged { kind cursor nodes { id status } node { id status version } } }`;
const COMPLETE = `mutation ($id: ID!) { actionItemComplete(id: $id, outcome: "Done") { userErrors { message } } }`;

const { data: found } = await client.query({ query: REP });
const { data: made } = await client.mutate({ mutation: CREATE, variables: { rep: found.rep.id } });
const { id, version } = made.actionItemCreate.actionItem;

// A screen shows the item: what it shows comes from the cache, where the item is kept by its id.
const screen = client.watchQuery({ query: ITEM, variables: { id } });
let look = () => {};
screen.subscribe((result) => look(result));
const shows = (status) =>
  new Promise((resolve) => {
    look = ({ data }) => data?.node?.status === status && resolve({ data });
    look(screen.getCurrentResult());
  });
say("shown", { data: (await shows("OPEN")).data });

const started = shows("IN_PROGRESS");
await client.mutate({ mutation: START, variables: { id, version } });
say("started", { data: (await started).data });
const again = await client.mutate({ mutation: START, variables: { id, version } });
say("stale", { data: again.data.actionItemStart });

const messages = [];
const completed = shows("DONE");
client.subscribe({ query: CHANGED }).subscribe(({ data }) => {
  messages.push(data.actionItemChanged.kind);
  if (messages.length === 1) {
    // Somebody else, of whom this client hears by the subscription alone.
    const body = JSON.stringify({ query: COMPLETE, variables: { id } });
    fetch(url, { method: "POST", headers: { authorization, "content-type": "application/json" }, body });
  }
});
say("completed", { data: (await completed).data, messages });

const refused = await client.query({ query: gql`query Wrong { rep(externalId: 1) { id } }` }).catch((error) => error);
say("refused", { known: CombinedGraphQLErrors.is(refused), code: refused.errors[0].extensions.code });

await client.query({ query: REP, fetchPolicy: "network-only" });
say("requests", { requests });
client.stop();
await socket.dispose();
