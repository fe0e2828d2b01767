// Private to src/app: the option tables of its files and the struct of a run.
#ifndef SNA_APP_IMPL_H
#define SNA_APP_IMPL_H

#include <sna/app.h>

extern const SnaOption SnaSliceOptions[];

struct SnaRun_ {
  MPI_Comm              comm;
  const SnaCommandLine *line;
  SnaDeck               deck;
  SnaModel              model;
  SnaSlices             slices;
  SnaView               view;
  SnaResults            results;
  SnaProgress           progress;
  SnaCase               claim;
  const char           *case_name, *dir, *restart, *sample, *sample_output;
  PetscBool             quiet, check, force, invert;
  SnaInversion          inversion; // filled when invert
  double                max_wall_time, checkpoint_seconds;
  PetscInt              checkpoint_every, view_every;
  PetscBool             has_picture;               // the model's own instead of slices:
  PetscInt              picture_points, npictures; // points per axis; how many it has offered
  PetscLogDouble        last_checkpoint;
  PetscBool             checkpoint_failed, view_open, progress_started;
};

// Writes the model's current state to <case>[.k].restart.h5. Collective on comm. message: empty, or why it failed.
PetscErrorCode SnaRunCheckpoint(SnaRun run, MPI_Comm comm, PetscInt replica, char message[SNA_MAX_MESSAGE]);
// After SnaModelWrite: where the model's voxel grids are, and views of the components of tensors, in the result file; then one .xmf per grid beside it.
// Collective. *written counts files; message holds the first failure, or is empty.
PetscErrorCode SnaRunDescribeGrids(SnaRun run, SnaFile file);
PetscErrorCode SnaRunWriteGrids(SnaRun run, PetscInt *written, char message[SNA_MAX_MESSAGE]);
// The monitor attached to the model: progress, pictures, checkpoints, stop.
PetscErrorCode SnaRunMonitor(void *ctx, SnaModel model, const SnaIteration *it, PetscBool *stop);
// Reads the restart file (and those of further replicas beside it) after checking that it belongs to this deck. message: empty, or why not.
PetscErrorCode SnaRunRestart(SnaRun run, char message[SNA_MAX_MESSAGE]);

// What an inversion came to; Probe and RunStarts add to it.
typedef struct {
  PetscInt64 evaluations, steps, solved; // steps: Newton's, of the runs that led to a solution
  double     low, high;                  // of all values met; start with INFINITY, -INFINITY
} SnaInversionTally;
// The range of values in a sample of the box, low and high of all ranks. Collective.
PetscErrorCode SnaInversionProbe(MPI_Comm comm, SnaModel model, const SnaInversion *task, SnaInversionTally *tally);
// Starts first..first+n-1, until |u - target| <= tolerance. Row i of rows[n*(2 nx + 3)], nx physical coordinates: these, value, gradient, residual, steps; filled
// where solved[i] (false before). rows NULL: only the tally. Not collective.
PetscErrorCode SnaInversionRunStarts(SnaModel model, const SnaInversion *task, double tolerance, PetscInt first,
  PetscInt n, double rows[], PetscBool solved[], SnaInversionTally *tally);

#endif
