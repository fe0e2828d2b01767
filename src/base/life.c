// life.c - the life of a run beside its numerics: was it launched as meant, has it been told to stop, how much memory
// did it take.
//
// Launch: a program built with one MPI and started by another's mpiexec becomes n runs of one rank each, all writing
// the same files. The launcher's environment betrays it. Stop signals only set a flag, which SnaStopRequested() agrees
// upon between iterations.
#include <sna/base.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A signal handler can reach nothing but file scope; the clock of the same run stands beside its flag.
static volatile sig_atomic_t stop_signal;
static double                stop_clock;

static int EnvironmentInt(const char name[])
{
  const char *text = getenv(name);
  char       *end;
  long        value;

  if (!text || !text[0]) return -1;
  errno = 0;
  value = strtol(text, &end, 10);
  return *end || errno || value < 0 || value > 1000000000 ? -1 : (int)value;
}

// The number of ranks that the launcher started this process as one of; 1 when nothing says more.
static int AnnouncedRanks(const char **launcher)
{
  const int ompi = EnvironmentInt("OMPI_COMM_WORLD_SIZE"), pmi = EnvironmentInt("PMI_SIZE");
  int       n;

  *launcher = "Open MPI's mpiexec (OMPI_COMM_WORLD_SIZE)";
  if (ompi > 1) return ompi;
  *launcher = "an mpiexec of the MPICH family or srun (PMI_SIZE)";
  if (pmi > 1) return pmi;
  *launcher = "an mpiexec of the MPICH family (MPI_LOCALNRANKS)";
  if ((n = EnvironmentInt("MPI_LOCALNRANKS")) > 1) return n;
  // PMIx tells a process its own number but not how many there are
  *launcher = "a PMIx launcher (PMIX_RANK)";
  if ((n = EnvironmentInt("PMIX_RANK")) > 0) return n + 1;
  // Slurm's counts reach every process of an allocation. Only in a step of several tasks is this process one of them,
  // and not even there when an mpiexec that says "one rank" was itself brought to the nodes by srun.
  *launcher = "srun (SLURM_STEP_NUM_TASKS)";
  if (ompi < 0 && pmi < 0 && EnvironmentInt("SLURM_PROCID") >= 0 && EnvironmentInt("SLURM_STEP_ID") >= 0) {
    if ((n = EnvironmentInt("SLURM_STEP_NUM_TASKS")) > 1) return n;
  }
  return 1;
}

PetscErrorCode SnaCheckLaunch(MPI_Comm comm, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  int         size, announced, length;
  const char *launcher;
  char        library[MPI_MAX_LIBRARY_VERSION_STRING], name[64];
  const char *cure;

  PetscFunctionBeginUser;
  *ok        = PETSC_TRUE;
  message[0] = 0;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  announced = AnnouncedRanks(&launcher);
  if (size > 1 || announced <= 1) PetscFunctionReturn(0);

  // the first line of the library's own text: "MPICH Version:\t4.0.2", "Open MPI v4.1.4, package: ..."
  PetscCallMPI(MPI_Get_library_version(library, &length));
  library[strcspn(library, "\n")] = 0;
  if (!strncmp(library, "MPICH", 5)) {
    const char *version = library + strcspn(library, "0123456789");

    snprintf(name, sizeof(name), "MPICH %.40s", version);
    cure = "mpiexec.mpich";
  } else if (!strncmp(library, "Open MPI", 8)) {
    library[strcspn(library, ",")] = 0;
    snprintf(name, sizeof(name), "%.60s", library);
    cure = "mpiexec.openmpi";
  } else {
    snprintf(name, sizeof(name), "%.60s", library);
    cure = "its own mpiexec";
  }
  snprintf(message, SNA_MAX_MESSAGE,
    "launched as one of at least %d ranks by %s, but alone in MPI_COMM_WORLD: this binary was built with %s: start it "
    "with %s",
    announced, launcher, name, cure);
  // every process of the launch comes here: one of them says it
  if (EnvironmentInt("OMPI_COMM_WORLD_RANK") > 0 || EnvironmentInt("PMI_RANK") > 0) message[0] = 0;
  *ok = PETSC_FALSE;
  PetscFunctionReturn(0);
}

static void OnSignal(int number)
{
  stop_signal = number;
}

PetscErrorCode SnaStopInstall(void)
{
  static const int stop[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}, ignored[] = {SIGXFSZ, SIGPIPE};
  struct sigaction action;

  PetscFunctionBeginUser;
  stop_signal = 0;
  stop_clock  = MPI_Wtime();
  memset(&action, 0, sizeof(action));
  sigemptyset(&action.sa_mask);
  action.sa_flags   = SA_RESTART; // a write in progress goes on
  action.sa_handler = OnSignal;
  for (size_t i = 0; i < sizeof(stop) / sizeof(stop[0]); i++) {
    PetscCheck(!sigaction(stop[i], &action, NULL), PETSC_COMM_SELF, PETSC_ERR_SYS, "sigaction: %s", strerror(errno));
  }
  action.sa_handler = SIG_IGN;
  for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
    PetscCheck(!sigaction(ignored[i], &action, NULL), PETSC_COMM_SELF, PETSC_ERR_SYS, "sigaction: %s", strerror(errno));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaStopRequested(MPI_Comm comm, double max_seconds, PetscBool *stop, const char **reason)
{
  const int wall_time = 1000; // above every signal
  int       mine      = (int)stop_signal, all;

  PetscFunctionBeginUser;
  if (!mine && max_seconds > 0 && MPI_Wtime() - stop_clock >= max_seconds) mine = wall_time;
  PetscCallMPI(MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MAX, comm));
  *stop   = all ? PETSC_TRUE : PETSC_FALSE;
  *reason = !all               ? NULL
            : all == wall_time ? "the wall time is over"
            : all == SIGTERM   ? "signal SIGTERM"
            : all == SIGINT    ? "signal SIGINT"
            : all == SIGUSR1   ? "signal SIGUSR1"
            : all == SIGUSR2   ? "signal SIGUSR2"
                               : "a signal";
  PetscFunctionReturn(0);
}

double SnaMemoryPeak(void)
{
  FILE  *status = fopen("/proc/self/status", "r");
  char   line[256];
  double bytes = 0, kilobytes;

  if (!status) return 0;
  while (fgets(line, sizeof(line), status)) {
    if (sscanf(line, "VmHWM: %lf kB", &kilobytes) == 1) {
      bytes = 1024 * kilobytes;
      break;
    }
  }
  fclose(status);
  return bytes;
}

PetscErrorCode SnaWaitForAll(MPI_Comm comm)
{
  MPI_Request request;
  int         arrived = 0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Ibarrier(comm, &request));
  while (!arrived) {
    PetscCallMPI(MPI_Test(&request, &arrived, MPI_STATUS_IGNORE));
    if (!arrived) PetscCall(PetscSleep(1e-3));
  }
  PetscFunctionReturn(0);
}
