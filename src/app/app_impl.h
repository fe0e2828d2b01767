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
  const char           *case_name, *dir, *restart, *sample, *sample_output, *predict, *predict_output;
  PetscBool             quiet, check, force, invert;
  PetscBool             resume;    // restart holds a run to go on with, not a solution to ask
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
  double     low[SNA_MAX_UNKNOWNS],
    high[SNA_MAX_UNKNOWNS]; // of all values of each target's unknown; start with INFINITY, -INFINITY
} SnaInversionTally;
// The range of values in a sample of the box, low and high of all ranks. Collective.
PetscErrorCode SnaInversionProbe(MPI_Comm comm, SnaModel model, const SnaInversion *task, SnaInversionTally *tally);
// Starts first..first+n-1, until |(u_j - target_j) / scale_j| <= rtol in the 2-norm over the k targets. rows[i*stride] of start first + i, nx physical coordinates:
//   these, k values, k gradients of nx numbers, k residuals u_j - target_j, steps;   1 + nx + k (nx + 2) <= stride
// filled where solved[i] (false before). rows NULL: only the tally. Not collective.
PetscErrorCode SnaInversionRunStarts(SnaModel model, const SnaInversion *task, const double scale[], PetscInt first,
  PetscInt n, PetscInt stride, double rows[], PetscBool solved[], SnaInversionTally *tally);

// The distinct solutions of a task; the first nlocal rows of this rank, in the order of the starts.
typedef struct {
  PetscInt          nlocal, total, stride, columns; // columns: in use, at most stride
  PetscInt          column_truth, column_distance;  // -1: not there
  double           *rows, scale[SNA_MAX_UNKNOWNS];
  double            seconds; // from the task to the distinct solutions in memory, of the slowest rank
  SnaInversionTally tally;   // of all ranks
} SnaEnsemble;
// From the task to solutions. message: empty, or why there are none; the ensemble is to be destroyed in any case. Collective.
PetscErrorCode SnaEnsembleCreate(
  MPI_Comm comm, SnaModel model, const SnaInversion *task, SnaEnsemble *e, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaEnsembleDestroy(SnaEnsemble *e);
// Fills the columns of truth and distance.
PetscErrorCode SnaEnsembleJudge(SnaModel model, const SnaInversion *task, SnaEnsemble *e);
// Mean of a column, and of (a - b)^2 of two, its root. Collective.
PetscErrorCode SnaEnsembleGetMean(MPI_Comm comm, const SnaEnsemble *e, PetscInt column, double *mean);
PetscErrorCode SnaEnsembleGetRms(MPI_Comm comm, const SnaEnsemble *e, PetscInt a, PetscInt b, double *rms);
// "ys=400, uts=700:720"
PetscErrorCode SnaInversionDescribe(SnaModel model, const SnaInversion *task, size_t size, char text[]);
// Mean distance of a solution to the nearest other, in widths of the box, of the first 1024; 0 of one. Collective.
PetscErrorCode SnaEnsembleGetSpread(
  MPI_Comm comm, SnaModel model, const SnaInversion *task, const SnaEnsemble *e, double *nearest);

#endif
