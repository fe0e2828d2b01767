// sna/insitu.h - pictures while the solver runs: frames of gridded fields are sent to a view.
//
// Layer: above base. ParaView and Catalyst are used inside src/insitu and nowhere else.
//
// A frame is one slice of the solution on a uniform grid of 1 to 3 axes. Two back ends (key insitu_backend):
//   paraview  rank 0 starts the separate program `sna_view`, which is linked to ParaView and runs the user's Catalyst (V2) Python script;
//             frames travel through a pipe. If the view dies, the solver says so once and goes on.
//   catalyst  Catalyst 2 in this process: a conduit mesh and catalyst_execute(), where CMake found Catalyst.
//   none      no pictures.
// The same Python script serves both; the channel is named after the slice, each grid holds the fields and a `caption` string.
#ifndef SNA_INSITU_H
#define SNA_INSITU_H

#include <sna/base.h>

typedef struct {
  const char          *slice;   // channel: the slice's name
  PetscInt             step;    // iteration or frame number, increasing per slice
  double               time;    // what the time slider shows
  const char          *caption; // "sweep 40   t = 0.5   omega = 1.05": time and parameter values for the picture
  int                  naxis;   // 1..3
  const char          *axis[3]; // names of the axes
  PetscInt             n[3];    // points per axis; the first axis varies fastest in data
  double               lo[3], hi[3];
  int                  nfield;
  const char *const   *field; // names, the first is what the default script colours
  const double *const *data;  // nfield arrays of n[0]*n[1]*n[2] values, significant on rank 0
} SnaFrame;

typedef struct SnaView_ *SnaView;

extern const SnaOption SnaViewOptions
  []; // insitu_every, insitu_script, insitu_backend, insitu_timeout, ...; insitu_points is read by who makes the frames

PetscErrorCode SnaViewCreate(MPI_Comm comm, SnaView *view);
// The shipped script (below postproc/insitu) that draws when the deck names none: slices.py unless this is called, before SetFromOptions. Borrowed.
PetscErrorCode SnaViewSetDefaultScript(SnaView view, const char name[]);
// Reads the insitu_* keys; user errors (missing script, back end not built) go to the deck. A missing sna_view with the default back end is one clear line, and no pictures.
PetscErrorCode SnaViewSetFromOptions(SnaView view, SnaDeck deck);
// How often the model's monitor should send frames; 0: never.
PetscErrorCode SnaViewGetEvery(SnaView view, PetscInt *every);
// Collective. Pictures go to `dir` (made if missing).
PetscErrorCode SnaViewOpen(SnaView view, const char dir[], const char case_name[]);
// Collective. Never fails because of the view: a dead or hanging view is reported once on stderr and later calls do nothing.
PetscErrorCode SnaViewSend(SnaView view, const SnaFrame *frame);
// Collective. Waits for the view to finish its pictures (at most insitu_timeout seconds without progress).
PetscErrorCode SnaViewClose(SnaView view);
PetscErrorCode SnaViewDestroy(SnaView *view);

#endif
