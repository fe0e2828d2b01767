// log.c - a copy of everything PetscPrintf() and PetscFPrintf() put on the screen, in a file beside the results.
//
// PETSc lets a program replace the function behind them (PetscVFPrintf), which has no context argument: the stream is the
// reason for this file's variables.
#include <sna/base.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static FILE *log_stream                                        = NULL;
static PetscErrorCode (*screen)(FILE *, const char[], va_list) = NULL; // PETSc's own function

static PetscErrorCode PrintTwice(FILE *stream, const char format[], va_list arguments)
{
  va_list copy;

  PetscFunctionBeginUser;
  va_copy(copy, arguments);
  PetscCall(screen(stream, format, arguments));
  if (log_stream && (stream == PETSC_STDOUT || stream == PETSC_STDERR)) {
    PetscCall(screen(log_stream, format, copy));
    (void)fflush(log_stream);
  }
  va_end(copy);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLogOpen(MPI_Comm comm, const char path[], PetscBool append, char message[SNA_MAX_MESSAGE])
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  message[0] = 0;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) {
    log_stream = fopen(path, append ? "a" : "w");
    if (!log_stream)
      PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s: cannot be written", path));
    else {
      screen        = PetscVFPrintf;
      PetscVFPrintf = PrintTwice;
    }
  }
  PetscCallMPI(MPI_Bcast(message, SNA_MAX_MESSAGE, MPI_CHAR, 0, comm));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLogClose(void)
{
  PetscFunctionBeginUser;
  if (!log_stream) PetscFunctionReturn(0);
  PetscVFPrintf = screen;
  (void)fclose(log_stream);
  log_stream = NULL;
  PetscFunctionReturn(0);
}
