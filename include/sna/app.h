// sna/app.h - the program around a model: command line, life of a run, output, queries. The only layer that sees all others.
#ifndef SNA_APP_H
#define SNA_APP_H

#include <sna/insitu.h>
#include <sna/models.h>

// ---------------------------------------------------------------------------------------------------------------------
// SnaSlices: grids of 1 to 3 axes through the solution, named in the deck (output: slice:). Each is one picture or, with `over` and `frames`, a
// sequence of them along one more direction; the same grids serve the HDF5 file, XDMF and the pictures made while the solver runs.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaSlices_ *SnaSlices;

PetscErrorCode SnaSlicesCreate(SnaSlices *slices);
PetscErrorCode SnaSlicesDestroy(SnaSlices *slices);
// After the model's set-up; user errors go to the deck.
PetscErrorCode SnaSlicesSetFromOptions(SnaSlices slices, SnaDeck deck, SnaModel model);
// Samples every slice at its `at` point and sends it to the view, `step` on the time slider. Collective on comm, whose rank 0 owns the view.
PetscErrorCode SnaSlicesSend(
  SnaSlices slices, MPI_Comm comm, SnaModel model, SnaView view, PetscInt step, const char note[]);
// Samples all frames of all slices into /slice/<name>/<frame> of the file. Collective on comm (that of the file).
PetscErrorCode SnaSlicesWrite(SnaSlices slices, MPI_Comm comm, SnaModel model, SnaFile file);
// One .xmf per slice beside the HDF5 file. Collective. *written counts files; message holds the first failure, or is empty.
PetscErrorCode SnaSlicesWriteXdmf(
  SnaSlices slices, MPI_Comm comm, SnaModel model, SnaCase c, PetscInt *written, char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// Queries: -restart FILE -sample POINTS evaluates the solution in FILE (value and gradient) at the rows of a table, in parallel, without solving.
// ---------------------------------------------------------------------------------------------------------------------
// Writes `output` (NULL: POINTS with _<unknown> before its ending): the coordinates, the unknown, its derivative in every direction; NaN outside the domain.
// message is empty when all went well. Collective.
PetscErrorCode SnaQuery(MPI_Comm comm, SnaModel model, const char points[], const char output[], SnaResults results,
  char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// Predictions: -predict TABLE, after the solve or with -restart FILE, gives the unknowns at the rows of a table of data.
// ---------------------------------------------------------------------------------------------------------------------
// Writes `output` (NULL: TABLE with _predicted before its ending, HDF5 for HDF5, else .csv): all columns of the table, <unknown>_predicted for each unknown,
// and `outside`, 1 where the row lies outside the domain: its values are those at the nearest point of the box of the physical coordinates (nan where a map
// leads out of the domain from there, too). Coordinates are found by SnaColumnFind. Rows with missing inputs get nan. Results: rows, rows_outside,
// rows_missing, predict_rows_per_second_per_rank (evaluation alone). message is empty when all went well. Collective.
PetscErrorCode SnaPredict(MPI_Comm comm, SnaModel model, const char table[], const char output[], SnaResults results,
  char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// Inversion: -invert "u=0.2" or -invert "ys=400, uts=700:720" finds inputs for which a solution takes a value, or one of an interval, in one or several
// unknowns; after the solve, or of the solution in -restart FILE.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscInt  ntarget, unknown[SNA_MAX_UNKNOWNS];
  double    target[SNA_MAX_UNKNOWNS][2];      // lowest and highest wanted value; equal for one value
  double    lo[SNA_MAX_DIM], hi[SNA_MAX_DIM]; // the box of physical coordinates to search; lo = hi fixes one
  PetscInt  starts;
  PetscBool prior;                 // starts are drawn from the distribution of the data instead of uniformly
  double    rtol;                  // largest |u - target|, as a share of the range of u in the box
  char output[PETSC_MAX_PATH_LEN]; // empty: stem_inverse.csv, or .h5 where inputs stand for signals (SnaModelExpand)
  char stem[PETSC_MAX_PATH_LEN];
} SnaInversion;

// Reads the keys `invert...` after the model's SetFromOptions; user errors go to the deck. stem: what names the default output. *wanted is false, and the
// task is not filled, without `invert`.
PetscErrorCode SnaInversionSetFromOptions(
  SnaDeck deck, SnaModel model, const char stem[], PetscBool *wanted, SnaInversion *task);
// Writes a table of distinct solutions: the physical coordinates, the k unknowns that have targets, their derivatives, their residuals (value - nearest
// wanted value; `residual` for k = 1, residual_<unknown>), iterations, true_<unknown> where the truth is known, distance where the data are
// (SnaModelDistance); the same to the last bit on any number of ranks. In HDF5 it is /samples, and /signals are the signals behind the solutions where
// inputs stand for some. message is empty when all went well; where no start found a solution it tells the ranges of values met, and nothing is written.
// Collective.
PetscErrorCode SnaInvert(
  MPI_Comm comm, SnaModel model, const SnaInversion *task, SnaResults results, char message[SNA_MAX_MESSAGE]);

// ---------------------------------------------------------------------------------------------------------------------
// SnaRun: one deck from reading to the exit code.
//   Create -> SetUp (every deck error surfaces) -> Execute -> Destroy
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaRun_ *SnaRun;

#define SNA_MAX_TABLES 32
// The option tables of the whole program with their titles; returns how many. Needs no PETSc.
int SnaAppGetTables(const char *title[SNA_MAX_TABLES], const SnaOption *table[SNA_MAX_TABLES]);

PetscErrorCode SnaRunCreate(MPI_Comm comm, const SnaCommandLine *line, SnaRun *run);
// Reads the deck and sets everything up, or answers -help and -version. *finished: there is nothing to execute; *code is then the exit code.
PetscErrorCode SnaRunSetUp(SnaRun run, PetscBool *finished, SnaExit *code);
// Solves, or continues, or answers a query; writes the results.
PetscErrorCode SnaRunExecute(SnaRun run, SnaExit *code);
PetscErrorCode SnaRunDestroy(SnaRun *run);

#endif
