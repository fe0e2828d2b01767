// sna/models.h - what the deck's `model:` names: one interface, one folder of src/models each.
//
// Layer: above base, io, sna, solve. A model knows nothing of ParaView or XDMF: it offers `sample` and `write`, and calls a monitor
// after every iteration; output and pictures are monitors attached by src/app.
//
// Life cycle:  Create -> SetFromOptions -> SetUp -> (Read) -> Solve -> Write/Sample -> Destroy
#ifndef SNA_MODELS_H
#define SNA_MODELS_H

#include <sna/sna.h>

typedef struct SnaModel_ *SnaModel;

typedef enum { SNA_SOLVE_CONVERGED, SNA_SOLVE_NOTCONVERGED, SNA_SOLVE_STOPPED } SnaSolveStatus;

// Called after every iteration, collectively on the model's communicator of that iteration's work (see `group`). The monitor sets *stop to end the solve.
typedef struct {
  MPI_Comm    group;   // ranks that work on this iterate
  PetscInt    replica; // which independent run this is, of `replicas`
  PetscInt    replicas;
  PetscInt    step; // iteration number, increasing
  double      work; // share of the whole work done, in [0,1]
  const char *line; // progress text, "rank 32  res 3.214e-06"
  const char *what; // first word of the progress line
  PetscInt    done, total;
  PetscBool   final; // last iterate of this replica
} SnaIteration;
typedef PetscErrorCode (*SnaMonitor)(void *ctx, SnaModel model, const SnaIteration *it, PetscBool *stop);

typedef struct { // implemented by each model; a NULL entry is a programmer error when called
  PetscErrorCode (*setfromoptions)(SnaModel, SnaDeck);
  PetscErrorCode (*setup)(SnaModel, SnaDeck);
  PetscErrorCode (*view)(SnaModel); // rank 0: sizes, memory, what was decided
  PetscErrorCode (*solve)(SnaModel, SnaResults, SnaSolveStatus *);
  PetscErrorCode (*finish)(SnaModel, SnaResults); // after solve: error against the reference, derived figures
  PetscErrorCode (*update)(SnaModel);
  PetscErrorCode (*sample)(
    SnaModel, PetscInt field, PetscInt n, const double *const x[], double out[], double *const grad[]);
  PetscErrorCode (*write)(SnaModel, SnaFile);
  PetscErrorCode (*read)(
    SnaModel, SnaFile, PetscBool *ok, char message[SNA_MAX_MESSAGE]); // restart state or finished solution
  PetscErrorCode (*destroy)(SnaModel);
} SnaModelOps;

typedef struct {
  PetscInt    nd; // directions, in the deck's order
  const char *name[SNA_MAX_DIM];
  double      lo[SNA_MAX_DIM], hi[SNA_MAX_DIM];
  PetscInt nfield; // fields that `sample` knows: 0 = the unknown, then reference and error where a reference is given
  const char *field[4];
  MPI_Comm    group;   // ranks that work on this rank's replica, MPI_COMM_NULL on a rank without work in `solve`
  PetscInt    replica; // the first replica of this rank's group (0 on the group that holds rank 0)
} SnaModelInfo;

// Registered names, "a|b|c", for the option table.
const char *SnaModelNames(void);
// The option tables of all models with their titles; returns how many. Needs no PETSc.
int            SnaModelGetTables(int max, const char *title[], const SnaOption *table[]);
PetscErrorCode SnaModelCreate(MPI_Comm comm, const char type[], SnaModel *model);
PetscErrorCode SnaModelSetMonitor(SnaModel model, SnaMonitor monitor, void *ctx);
PetscErrorCode SnaModelSetFromOptions(SnaModel model, SnaDeck deck);
PetscErrorCode SnaModelSetUp(SnaModel model, SnaDeck deck);
PetscErrorCode SnaModelView(SnaModel model);
PetscErrorCode SnaModelGetInfo(SnaModel model, const SnaModelInfo **info); // after SetUp; borrowed
PetscErrorCode SnaModelSolve(SnaModel model, SnaResults results, SnaSolveStatus *status);
PetscErrorCode SnaModelFinish(SnaModel model, SnaResults results);
// Makes Sample and Write see the current iterate. Collective on the iteration's group; needed only inside a monitor.
PetscErrorCode SnaModelUpdate(SnaModel model);
// Not collective: any rank, any points. grad may be NULL.
PetscErrorCode SnaModelSample(
  SnaModel model, PetscInt field, PetscInt n, const double *const x[], double out[], double *const grad[]);
PetscErrorCode SnaModelWrite(SnaModel model, SnaFile file);
PetscErrorCode SnaModelRead(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaModelDestroy(SnaModel *model);

#endif
