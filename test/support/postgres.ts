import type { KubernetesObject } from '../../lab/kubernetes/kubectl.ts';
import type { Site } from './cluster.ts';
import { type ClaimOptions, statefulSet } from './manifests.ts';

const AS_POSTGRES = 'setpriv --reuid postgres --regid postgres --init-groups';

/** Keeps its data on the volume, and trusts every client. */
const SERVE = `
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
if [ ! -e /data/pg/complete ]; then
  rm -rf /data/pg
  install -d -o postgres -g postgres /data/pg
  ${AS_POSTGRES} initdb --no-sync --auth=trust --pgdata=/data/pg >/dev/null
  echo 'host all all all trust' >>/data/pg/pg_hba.conf
  sync
  touch /data/pg/complete
fi
exec ${AS_POSTGRES} postgres -D /data/pg -c listen_addresses='*' -c unix_socket_directories=/tmp`;

/** One PostgreSQL as a StatefulSet, at the name `NAME-0.NAME`. */
export function postgres(name: string, data: ClaimOptions): readonly KubernetesObject[] {
  return statefulSet(name, { replicas: 1, data, command: ['sh', '-ec', SERVE] });
}

/** Runs an SQL command in the pod of the database, once it answers. */
export async function sql({ inPod }: Site, name: string, command: string): Promise<string> {
  const psql = 'psql --host=/tmp --username=postgres --no-psqlrc --quiet --tuples-only --no-align';
  const answers = 'until pg_isready --quiet --host=/tmp; do sleep 0.1; done';
  return (await inPod(`${name}-0`, `${answers}; ${psql} --command='${command}'`)).trim();
}
