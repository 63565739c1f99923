// mercurius with graphql-jit and its own batching loaders, on the peers' tables. PORT and DATABASE_URL say where.
import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";

pg.types.setTypeParser(1082, (day) => day); // dates as they are written
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const COLUMNS = `id, team_id as "teamId", external_id as "externalId", name, email, title, role, hired_on as "hiredOn",
  left_on as "leftOn", version`;

const schema = `
  type Team { name: String! }
  type Quota { amount: String! }
  type KpiValue { kpi: String! value: String target: String }
  type Rep { externalId: String! name: String! email: String title: String role: String hiredOn: String! leftOn: String
    version: Int! team: Team quota(period: String!): Quota kpis: [KpiValue!]! }
  type Attainment { rep: Rep! quota: String attained: String! ratio: String }
  type Query {
    rep(externalId: String!): Rep
    reps(first: Int!, after: String!): [Rep!]!
    attainment(period: String!, first: Int!): [Attainment!]!
  }`;

const resolvers = {
  Query: {
    rep: async (_, { externalId }) =>
      (await rows("rep", `select ${COLUMNS} from peer.rep where external_id = $1`, [externalId]))[0],
    reps: (_, { first, after }) =>
      rows("reps", `select ${COLUMNS} from peer.rep where name > $2 order by name limit $1`, [first, after]),
    attainment: (_, { period, first }) =>
      rows(
        "attainment",
        `select rep_id as "repId", quota, attained, ratio from peer.attainment where period = $1
         order by ratio desc limit $2`,
        [period, first],
      ),
  },
};

const batch = (load) => ({ opts: { cache: false }, loader: load });
const by = (found, key) => new Map(found.map((row) => [row[key], row]));

const loaders = {
  Rep: {
    team: batch(async (asked) => {
      const ids = [...new Set(asked.map(({ obj }) => obj.teamId))];
      const found = by(await rows("team", "select id, name from peer.team where id = any($1::int[])", [ids]), "id");
      return asked.map(({ obj }) => found.get(obj.teamId));
    }),
    quota: batch(async (asked) => {
      const text = `select rep_id as "repId", amount from peer.quota where rep_id = any($1::int[]) and period = $2`;
      const ids = asked.map(({ obj }) => obj.id);
      const found = by(await rows("quota", text, [ids, asked[0].params.period]), "repId");
      return asked.map(({ obj }) => found.get(obj.id));
    }),
    kpis: batch(async (asked) => {
      const text = `select rep_id as "repId", kpi, value, target from peer.kpi_value where rep_id = any($1::int[])
        order by rep_id, position`;
      const found = new Map(asked.map(({ obj }) => [obj.id, []]));
      for (const row of await rows("kpis", text, [[...found.keys()]])) found.get(row.repId).push(row);
      return asked.map(({ obj }) => found.get(obj.id));
    }),
  },
  Attainment: {
    rep: batch(async (asked) => {
      const ids = asked.map(({ obj }) => obj.repId);
      const found = by(await rows("of", `select ${COLUMNS} from peer.rep where id = any($1::int[])`, [ids]), "id");
      return asked.map(({ obj }) => found.get(obj.repId));
    }),
  },
};

const app = Fastify();
app.register(mercurius, { schema, resolvers, loaders, jit: 1 });
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
