#!/usr/bin/env bash
# Start a real one-node SLURM cluster (munged, mariadbd, slurmdbd, slurmctld, slurmd)
# for tests, on loopback, without systemd. Memory limits are enforced by SLURM's own accounting
# (OverMemoryKill), since there are no cgroups.
#
#   eval "$(up.sh [DIR])"     # exports SLURM_CONF; then sbatch, srun, sacct, submitit work
#   down.sh [DIR]             # stops it
#
# Running it again while the cluster is up changes nothing. Settings (environment):
#   SLURM_TEST_DIR      where everything lives      (default ${TMPDIR:-/tmp}/slurm-test-UID)
#   SLURM_TEST_CPUS     CPUs the node claims         (default 4; may exceed the real number)
#   SLURM_TEST_MEM_MB   memory the node claims       (default: the real one)
#   SLURM_TEST_GPUS     pretended GPUs               (default 2; sets CUDA_VISIBLE_DEVICES only)
#   SLURM_TEST_PORT     first port to try            (default 26817)
#   SLURM_TEST_INSTALL  1: install Debian's packages where a program is missing (default: exit 3)
# Exit status: 0 up, 3 not possible here (a suite may skip), 1 it should have worked.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

DIR=${1:-${SLURM_TEST_DIR:-${TMPDIR:-/tmp}/slurm-test-$(id -u)}}
say() { echo "slurm-test: $*" >&2; }
no() { say "$*"; exit 3; }
fail() { say "$*"; tail -n 5 "$DIR"/log/*.log >&2 2>/dev/null || true; bash "$HERE/down.sh" "$DIR" >&2 || true; exit 1; }
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# --- programs -----------------------------------------------------------------
PACKAGES="slurm-wlm munge slurmdbd slurm-wlm-mysql-plugin mariadb-server-core"
missing() { for p in munged slurmctld slurmd slurmdbd mariadbd sbatch sacct; do command -v $p >/dev/null || echo $p; done; }
if [ -n "$(missing)" ]; then
  [ "${SLURM_TEST_INSTALL:-0}" = 1 ] || no "missing:" $(missing) "- apt-get install $PACKAGES"
  command -v apt-get >/dev/null || no "missing:" $(missing) "- and no apt-get here"
  SUDO=; [ "$(id -u)" = 0 ] || SUDO="sudo -n"
  say "installing $PACKAGES"
  { $SUDO apt-get update -qq && $SUDO env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
      apt-get install -y -qq --no-install-recommends $PACKAGES; } >&2 || no "apt-get install failed"
  [ -z "$(missing)" ] || no "still missing:" $(missing)
fi

# --- place and name ---------------------------------------------------------------
# DIR is emptied at each start, so only ever a new or empty folder, or one of ours
[ ! -e "$DIR" ] || [ -e "$DIR/.slurm-test" ] || [ -z "$(ls -A "$DIR")" ] || { say "$DIR is not empty and not ours"; exit 1; }
mkdir -p "$DIR"; chmod 755 "$DIR"; DIR=$(cd "$DIR" && pwd -P); : >"$DIR/.slurm-test"
[ ${#DIR} -le 70 ] || no "path too long for Unix sockets (at most 70 characters): $DIR"
export SLURM_CONF=$DIR/etc/slurm.conf     # also marks our daemons: down.sh looks for it
NODE=$(hostname -s); USER_NAME=$(id -un)
case $(getent ahostsv4 "$(hostname)" | awk 'NR==1{print $1}') in
  127.*) ;;
  *) no "host name $(hostname) does not resolve to 127.*: add '127.0.0.1 $(hostname)' to /etc/hosts" ;;
esac
# one start at a time, whatever the DIR: the ports are free only until someone binds them
LOCK=${TMPDIR:-/tmp}/slurm-test-$(id -u).lock
exec 9>"$LOCK"; flock -w 120 9 || { say "another up.sh holds $LOCK"; exit 1; }

ready() { [ "$(timeout 3 sinfo -h -p debug -o %T 2>/dev/null)" = "$1" ]; }
report() { cat <<EOF
export SLURM_CONF=$SLURM_CONF
# cluster up in $DIR (logs in $DIR/log)
# stop it with: $HERE/down.sh $DIR
EOF
}
alive() { [ -s "$DIR/run/$1.pid" ] && grep -qszxF "SLURM_CONF=$SLURM_CONF" "/proc/$(cat "$DIR/run/$1.pid")/environ"; }
all_alive() { for d in munged mariadbd slurmdbd slurmctld slurmd; do alive $d || return 1; done; }
if all_alive && timeout 5 sinfo -h >/dev/null 2>&1; then say "already up"; report; exit 0; fi
bash "$HERE/down.sh" "$DIR" >&2           # whatever a broken earlier start left
rm -rf "$DIR"/{etc,run,log,munge,db,state,spool}
mkdir -p "$DIR"/{etc,run,log,munge,db,state,spool}; chmod 700 "$DIR/db"

# --- configuration ------------------------------------------------------------------
PORT=${SLURM_TEST_PORT:-26817}; PORTS=()
for ((p = PORT; p < PORT + 3000 && ${#PORTS[@]} < 3; p++)); do
  (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || PORTS+=("$p")
done
# a pretended GPU must be a device file whose name ends in its number
GPUS=${SLURM_TEST_GPUS:-2}; GRES=
for ((g = 0; g < GPUS; g++)); do
  f=$DIR/run/gpu$g; mknod -m 666 "$f" c 1 3 2>/dev/null || f=/dev/tty$g
  [ -c "$f" ] || { say "no device to pretend GPU $g with"; break; }
  echo "Name=gpu File=$f" >>"$DIR/etc/gres.conf"; GRES=Gres=gpu:$((g + 1))
done
cat >"$SLURM_CONF" <<EOF
ClusterName=test
SlurmctldHost=$NODE(127.0.0.1)
SlurmctldPort=${PORTS[0]}
SlurmdPort=${PORTS[1]}
# bind to the host name's address (checked above to be loopback), not to 0.0.0.0
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=$USER_NAME
SlurmdUser=$USER_NAME
AuthType=auth/munge
CredType=cred/munge
# a requeued job waits cred_expire + 1 s (default 121 s); under 5 is ignored
AuthInfo=socket=$DIR/munge/munge.socket,cred_expire=5
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/spool
SlurmctldPidFile=$DIR/run/slurmctld.pid
SlurmdPidFile=$DIR/run/slurmd.pid
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd.log
MailProg=/bin/true
# no cgroups, no affinity, no MPI
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
# submitit polls with sacct, which needs slurmdbd; Pass is that link's munge socket
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=${PORTS[2]}
AccountingStoragePass=$DIR/munge/munge.socket
# jobs start within a second; the node may claim more than the machine has
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=2000
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=5,bf_interval=5
SlurmdParameters=config_overrides
ReturnToService=2
# submitit names files by job ID: never hand out an earlier cluster's IDs again
FirstJobId=$(($(date +%s) % 60000000 + 1))
# refuse at once what can never run
EnforcePartLimits=ALL
JobRequeue=1
KillWait=5
# urgent preempts debug: the job's own --signal, then GraceTime, then requeue
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
${GRES:+GresTypes=gpu}
NodeName=$NODE NodeAddr=127.0.0.1 CPUs=${SLURM_TEST_CPUS:-4} RealMemory=${SLURM_TEST_MEM_MB:-$(awk '/^MemTotal/{print int($2/1024)}' /proc/meminfo)} $GRES
PartitionName=debug Nodes=ALL Default=YES PriorityTier=1 GraceTime=20
PartitionName=urgent Nodes=ALL PriorityTier=10 PreemptMode=OFF
EOF
cat >"$DIR/etc/slurmdbd.conf" <<EOF
AuthType=auth/munge
AuthInfo=socket=$DIR/munge/munge.socket
CommunicationParameters=NoInAddrAny
DbdHost=$NODE
DbdAddr=127.0.0.1
DbdPort=${PORTS[2]}
SlurmUser=$USER_NAME
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=$USER_NAME
StorageLoc=slurm_acct_db
PidFile=$DIR/run/slurmdbd.pid
LogFile=$DIR/log/slurmdbd.log
EOF
chmod 600 "$DIR/etc/slurmdbd.conf"

# --- start, each daemon waited for (9>&-: daemons must not keep the lock) ------------
wait_for() { local what=$1 end=$((SECONDS + $2)); shift 2; until "$@"; do [ $SECONDS -lt $end ] || fail "$what did not come up"; sleep 0.1; done; }
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

(umask 077; head -c 128 /dev/urandom >"$DIR/munge/munge.key")
munged --key-file="$DIR/munge/munge.key" --socket="$DIR/munge/munge.socket" --pid-file="$DIR/run/munged.pid" \
  --log-file="$DIR/log/munged.log" --seed-file="$DIR/munge/munged.seed" 9>&- || fail "munged failed"
wait_for munged 10 test -S "$DIR/munge/munge.socket"

# a private database: socket only, no users; the system tables hold stored procedures
DB=(--no-defaults --datadir="$DIR/db/data" --innodb-buffer-pool-size=64M --innodb-log-file-size=16M
    --innodb-use-native-aio=0 --performance-schema=OFF --skip-grant-tables --log-error="$DIR/log/mariadbd.log")
[ "$(id -u)" != 0 ] || DB+=(--user=root)
mkdir "$DIR/db/data"
{ printf 'create database mysql;\nuse mysql;\n'; cat /usr/share/mysql/mysql_system_tables.sql; } |
  mariadbd "${DB[@]}" --bootstrap 9>&- >/dev/null 2>&1 || fail "mariadbd --bootstrap failed"
setsid mariadbd "${DB[@]}" --skip-networking --socket="$DIR/db/sock" --pid-file="$DIR/run/mariadbd.pid" \
  --innodb-lock-wait-timeout=900 --innodb-flush-log-at-trx-commit=0 9>&- </dev/null >/dev/null 2>&1 &
wait_for mariadbd 30 test -S "$DIR/db/sock" -a -s "$DIR/run/mariadbd.pid"

MYSQL_UNIX_PORT=$DIR/db/sock slurmdbd 9>&- >&2 || fail "slurmdbd failed"
wait_for slurmdbd 30 listening "${PORTS[2]}"
slurmctld 9>&- >&2 || fail "slurmctld failed"
wait_for slurmctld 30 listening "${PORTS[0]}"
slurmd 9>&- >&2 || fail "slurmd failed"
wait_for "the node" 30 ready idle
report
