// run.c - /run and /result: where a file comes from, and the run's figures.
//
// Enough to repeat the run: the deck verbatim, the options in force, the command line, and the versions of the program
// and its libraries. Texts that can be long are datasets, since attributes live in the object's header; the rest are
// attributes of /run.
#include "io_impl.h"
#include <sna_config.h>
#include <petsctime.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// PETSc notes when it was initialised on a clock of its own; the difference on that clock leads back to the date.
static void StartTime(size_t size, char text[])
{
  PetscLogDouble now     = 0;
  time_t         started = time(NULL);
  struct tm      utc;

  (void)PetscTime(&now);
  if (petsc_BaseTime > 0 && now > petsc_BaseTime) started -= (time_t)(now - petsc_BaseTime + 0.5);
  if (!gmtime_r(&started, &utc) || !strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &utc)) text[0] = 0;
}

// The words of the command line, quoted for a shell where needed.
static PetscErrorCode CommandLine(int argc, char **argv, char **line)
{
  char  *to;
  size_t room = 1;

  PetscFunctionBeginUser;
  for (int i = 0; i < argc; i++) room += 4 * strlen(argv[i]) + 3;
  PetscCall(PetscMalloc1(room, line));
  to = *line;
  for (int i = 0; i < argc; i++) {
    const PetscBool quote =
      !argv[i][0] || argv[i][strcspn(argv[i], " \t\n\"'\\$`*?[](){}<>|&;!#~")] ? PETSC_TRUE : PETSC_FALSE;

    if (i) *to++ = ' ';
    if (quote) *to++ = '\'';
    for (const char *from = argv[i]; *from; from++) {
      if (*from == '\'') {
        memcpy(to, "'\\''", 4);
        to += 4;
      } else
        *to++ = *from;
    }
    if (quote) *to++ = '\'';
  }
  *to = 0;
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteVersions(SnaFile file)
{
  char        text[MPI_MAX_LIBRARY_VERSION_STRING + 1] = "";
  int         n, version, subversion;
  unsigned    major, minor, release;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCall(SnaFileWriteAttributeText(file, "/run", "program", "sna_solver"));
  PetscCall(SnaFileWriteAttributeText(file, "/run", "version", SNA_VERSION));
  PetscCall(SnaFileWriteAttributeText(file, "/run", "git_hash", SNA_GIT_HASH));
  PetscCall(SnaFileWriteAttributeText(file, "/run", "build_type", SNA_BUILD_TYPE));
  (void)snprintf(text, sizeof(text), "%d.%d.%d", PETSC_VERSION_MAJOR, PETSC_VERSION_MINOR, PETSC_VERSION_SUBMINOR);
  PetscCall(SnaFileWriteAttributeText(file, "/run", "petsc_version", text));
  if (H5get_libversion(&major, &minor, &release) < 0) major = minor = release = 0;
  (void)snprintf(text, sizeof(text), "%u.%u.%u", major, minor, release);
  PetscCall(SnaFileWriteAttributeText(file, "/run", "hdf5_version", text));
  PetscCallMPI(MPI_Get_version(&version, &subversion));
  (void)snprintf(text, sizeof(text), "%d.%d", version, subversion);
  PetscCall(SnaFileWriteAttributeText(file, "/run", "mpi_version", text));
  PetscCallMPI(MPI_Get_library_version(text, &n));
  text[strcspn(text, "\n")] = 0; // some continue with the options of their build
  PetscCall(SnaFileWriteAttributeText(file, "/run", "mpi_library", text));
  PetscCallMPI(MPI_Comm_size(file->comm, &size));
  PetscCall(SnaFileWriteAttributeReal(file, "/run", "ranks", (double)size));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileWriteRun(SnaFile file, SnaDeck deck, SnaResults r, int argc, char **argv)
{
  const char *path, *text, *effective, *name;
  char       *command, host[256] = "", start[40];
  double      value;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetText(deck, &path, &text));
  PetscCall(SnaDeckGetEffective(deck, &effective));
  PetscCall(CommandLine(argc, argv, &command));
  PetscCall(SnaFileWriteText(file, "/run/deck", text ? text : ""));
  PetscCall(SnaFileWriteText(file, "/run/effective", effective ? effective : ""));
  PetscCall(SnaFileWriteText(file, "/run/command", command));
  PetscCall(PetscFree(command));
  PetscCall(SnaFileWriteAttributeText(file, "/run", "deck_path", path ? path : ""));
  PetscCall(WriteVersions(file));
  (void)gethostname(host, sizeof(host) - 1);
  PetscCall(SnaFileWriteAttributeText(file, "/run", "host", host));
  StartTime(sizeof(start), start);
  PetscCall(SnaFileWriteAttributeText(file, "/run", "start_time_utc", start));
  if (!r) PetscFunctionReturn(0);
  for (PetscInt texts = 0; texts < 2; texts++) { // attributes need the group that the numbers make
    for (PetscInt i = 0;; i++) {
      char object[300];

      PetscCall(SnaResultsGet(r, i, &name, &value));
      if (!name) break;
      PetscCall(SnaResultsGetText(r, i, &text));
      (void)snprintf(object, sizeof(object), "/result/%s", name);
      if (text && texts)
        PetscCall(SnaFileWriteAttributeText(file, "/result", name, text));
      else if (!text && !texts)
        PetscCall(SnaFileWriteArray(file, object, 0, NULL, &value));
    }
  }
  PetscFunctionReturn(0);
}
