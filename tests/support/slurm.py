"""A SLURM cluster of one node in a temporary folder: munged, slurmctld and slurmd on free ports.

Nothing of the machine's own SLURM is read, and nothing is left running.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun")
FOLDERS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])  # where Debian puts the daemons
NODE = "n0"

SETTINGS = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={me}
SlurmdUser={me}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
MpiDefault=none
MailProg=/bin/true
SwitchType=switch/none
ReturnToService=2
KillWait=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

# submitit asks sacct how its jobs are.  A cluster without a database of accounts has no answer there, so this
# one answers from the controller's memory.
SACCT = """#!{python}
import re, subprocess, sys

print("JobID|State|NodeList")
for job in [job for flag, job in zip(sys.argv, sys.argv[1:]) if flag == "-j"]:
    lines = subprocess.run(["scontrol", "show", "job", "-o", job], capture_output=True, text=True).stdout
    for line in lines.splitlines():
        known = dict(re.findall(r"(\\w+)=(\\S*)", line))
        task = known.get("ArrayTaskId")
        place = "" if task is None else f"_{{task}}" if task.isdigit() else f"_[{{task}}]"
        print(known.get("ArrayJobId", known["JobId"]) + place, known["JobState"], NODE, sep="|")
""".replace("NODE", repr(NODE))


def missing() -> list[str]:
    """The programs of SLURM that this machine lacks."""
    return [program for program in PROGRAMS if shutil.which(program, path=FOLDERS) is None]


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def cluster(folder: Path, cpus: int) -> Iterator[dict[str, str]]:
    """Start a cluster in `folder`, and yield the environment of its users."""
    for name in ("munge", "state", "spool", "bin"):
        (folder / name).mkdir(mode=0o700, parents=True)
    key = folder / "munge" / "key-file"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    sacct = folder / "bin" / "sacct"
    sacct.write_text(SACCT.format(python=sys.executable), encoding="utf-8")
    sacct.chmod(0o755)
    host, me = socket.gethostname().partition(".")[0], str(os.getuid())
    settings = SETTINGS.format(host=host, me=me, folder=folder, ports=free_ports(2), node=NODE, cpus=cpus)
    (folder / "slurm.conf").write_text(settings, encoding="utf-8")
    env = os.environ | {
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PATH": os.pathsep.join([str(folder / "bin"), FOLDERS]),
    }
    munge = [f"--{name}={folder}/munge/{name}" for name in ("socket", "key-file", "pid-file", "seed-file")]
    daemons = [
        ["munged", "--foreground", "--force", *munge, f"--log-file={folder}/munge/log"],
        ["slurmctld", "-D", "-c"],
        ["slurmd", "-D", "-N", NODE],
    ]
    with ExitStack() as stack:
        for command in daemons:
            stack.enter_context(_daemon(command, folder, env))
            _until(folder, (folder / "munge" / "socket").exists)  # the others ask it who they are
        _until(folder, lambda: _ask(["sinfo", "-h", "-o", "%T"], env) == "idle")
        yield env
        subprocess.run(["scancel", f"--user={me}"], env=env, check=False)


@contextmanager
def _daemon(command: list[str], folder: Path, env: dict[str, str]) -> Iterator[None]:
    program = str(shutil.which(command[0], path=FOLDERS))
    with (folder / f"{command[0]}.log").open("w", encoding="utf-8") as log:
        running = subprocess.Popen([program, *command[1:]], env=env, stdout=log, stderr=log)
        try:
            yield
        finally:
            running.terminate()
            try:
                running.wait(timeout=10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _until(folder: Path, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        if time.monotonic() > deadline:
            logs = "\n".join(log.read_text(encoding="utf-8") for log in sorted(folder.glob("*.log")))
            raise RuntimeError(f"the cluster did not start\n{logs}")
        time.sleep(0.05)


def _ask(command: list[str], env: dict[str, str]) -> str:
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout.strip()


def process(job: str, env: dict[str, str]) -> int:
    """The process that does the work of `job`, such as 7_0, on this node."""
    array, task = job.split("_")
    wanted = {f"SLURM_ARRAY_JOB_ID={array}", f"SLURM_ARRAY_TASK_ID={task}", f"SLURM_CONF={env['SLURM_CONF']}"}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            given = (folder / "environ").read_text(encoding="utf-8", errors="replace").split("\0")
            command = (folder / "cmdline").read_text(encoding="utf-8").split("\0")
        except OSError:  # it has just ended, or is another's
            continue
        if (
            wanted <= set(given)
            and "submitit.core._submit" in command
            and "srun" not in Path(command[0]).name
        ):
            return int(folder.name)
    raise LookupError(job)
