// sna_solver - separable neural architectures as solvers: one deck in, one HDF5 file out.
//
//   mpiexec -n 2 sna_solver input.deck [-key value ...]
//
// This file is the table of contents. include/sna holds one header per folder of src, in layer order:
//   base (deck, expressions, life of a run)  io (files)  sna (bases, fields)  solve (least squares)  models  insitu (pictures)  app (the run).
#include <sna/app.h>
#include <stdio.h>

static PetscErrorCode Run(const SnaCommandLine *line, SnaExit *code)
{
  SnaRun    run;
  PetscBool finished, ok;
  char      message[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  *code = SNA_EXIT_USAGE;
  PetscCall(SnaCheckLaunch(PETSC_COMM_WORLD, &ok, message));
  if (!ok) {
    if (message[0]) PetscCall(PetscFPrintf(PETSC_COMM_WORLD, PETSC_STDERR, "sna_solver: %s\n", message));
    PetscFunctionReturn(0);
  }
  PetscCall(SnaStopInstall());
  PetscCall(SnaRunCreate(PETSC_COMM_WORLD, line, &run));
  PetscCall(SnaRunSetUp(run, &finished, code));
  if (!finished) PetscCall(SnaRunExecute(run, code));
  PetscCall(SnaRunDestroy(&run));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const char      *title[SNA_MAX_TABLES];
  const SnaOption *table[SNA_MAX_TABLES];
  const int        ntable = SnaAppGetTables(title, table);
  SnaCommandLine   line;
  SnaExit          code = SNA_EXIT_INTERNAL;

  if (SnaCommandLineSplit(argc, argv, ntable, table, &line)) return SNA_EXIT_INTERNAL;
  if (PetscInitialize(&line.petsc_argc, &line.petsc_argv, NULL, NULL)) return SNA_EXIT_INTERNAL;
  PetscErrorCode ierr = Run(&line, &code);
  if (ierr) MPI_Abort(PETSC_COMM_WORLD, SNA_EXIT_INTERNAL); // the trace is printed; other ranks may wait for this one
  ierr = PetscFinalize();
  SnaCommandLineFree(&line);
  return ierr ? SNA_EXIT_INTERNAL : (int)code;
}
