// monitor.c - what happens after every iteration: the progress line, pictures, checkpoints, the answer to a stop signal.
//
// The monitor of replica 0's group owns the screen and the view; every group writes its own replicas' checkpoints.
#include "app_impl.h"
#include <petsctime.h>

PetscErrorCode SnaRunCheckpoint(SnaRun run, MPI_Comm comm, PetscInt replica, char message[SNA_MAX_MESSAGE])
{
  char    path[PETSC_MAX_PATH_LEN], suffix[64] = ".restart.h5";
  SnaFile file;

  PetscFunctionBeginUser;
  if (replica > 0) PetscCall(PetscSNPrintf(suffix, sizeof(suffix), ".restart.%" PetscInt_FMT ".h5", replica));
  PetscCall(SnaCaseGetPath(run->claim, suffix, sizeof(path), path));
  PetscCall(SnaFileCreate(comm, path, &file));
  PetscCall(SnaFileWriteRun(file, run->deck, NULL, run->line->argc, run->line->argv));
  PetscCall(SnaModelWrite(run->model, file));
  PetscCall(SnaFileClose(&file, message));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckpointIfDue(SnaRun run, SnaModel model, const SnaIteration *it)
{
  PetscLogDouble now;
  int            due;
  char           message[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCall(PetscTime(&now));
  due = (run->checkpoint_seconds > 0 && now - run->last_checkpoint >= run->checkpoint_seconds) ||
        (run->checkpoint_every > 0 && it->step % run->checkpoint_every == 0);
  if (it->final && it->replicas > 1) due = 1; // a replica that is done must not be solved again after a restart
  PetscCallMPI(MPI_Bcast(&due, 1, MPI_INT, 0, it->group));
  if (!due) PetscFunctionReturn(0);
  run->last_checkpoint = now;
  PetscCall(SnaModelUpdate(model));
  PetscCall(SnaRunCheckpoint(run, it->group, it->replica, message));
  if (message[0] && !run->checkpoint_failed)
    PetscCall(PetscFPrintf(it->group, PETSC_STDERR, "checkpoint: %s; the run goes on without it\n", message));
  run->checkpoint_failed = (PetscBool)(message[0] != 0);
  PetscFunctionReturn(0);
}

static PetscErrorCode SendSlices(SnaRun run, SnaModel model, const SnaIteration *it)
{
  char note[64];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(note, sizeof(note), "sweep %" PetscInt_FMT, it->step));
  PetscCall(SnaModelUpdate(model));
  PetscCall(SnaSlicesSend(run->slices, it->group, model, run->view, it->step, note));
  PetscFunctionReturn(0);
}

// The model's own picture. An axis of one voxel is left out: a cell of one layer is a plane.
static PetscErrorCode SendPicture(SnaRun run, SnaModel model, const SnaIteration *it)
{
  static const char *const axis[] = {"x", "y", "z"};
  SnaModelPicture          p      = {.nfield = 0};
  SnaFrame                 frame  = {.step = it->step, .time = (double)it->step};

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetPicture(model, run->picture_points, &p));
  for (int a = 0; a < 3; a++) {
    if (p.n[a] < 2) continue;
    frame.axis[frame.naxis] = axis[a];
    frame.n[frame.naxis]    = p.n[a];
    frame.lo[frame.naxis]   = p.lo[a];
    frame.hi[frame.naxis]   = p.hi[a];
    frame.naxis++;
  }
  frame.slice   = p.name;
  frame.caption = p.caption;
  frame.nfield  = p.nfield;
  frame.field   = p.field;
  frame.data    = (const double *const *)p.data;
  if (frame.naxis && p.nfield) PetscCall(SnaViewSend(run->view, &frame));
  for (int f = 0; f < p.nfield; f++) PetscCall(PetscFree(p.data[f]));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaRunMonitor(void *ctx, SnaModel model, const SnaIteration *it, PetscBool *stop)
{
  SnaRun      run = (SnaRun)ctx;
  const char *reason;

  PetscFunctionBeginUser;
  if (run->restart && !run->progress_started) PetscCall(SnaProgressSetStart(run->progress, it->work));
  run->progress_started = PETSC_TRUE;
  if (it->replica == 0)
    PetscCall(SnaProgressLine(run->progress, it->what, it->done, it->total, it->work, "%s", it->line));
  if (run->view_open && it->replica == 0) {
    if (!run->has_picture && (it->step % run->view_every == 0 || it->final)) PetscCall(SendSlices(run, model, it));
    if (run->has_picture && it->picture && (run->npictures++ % run->view_every == 0 || it->final))
      PetscCall(SendPicture(run, model, it));
  }
  PetscCall(SnaStopRequested(it->group, run->max_wall_time, stop, &reason));
  if (*stop && !it->final) {
    char message[SNA_MAX_MESSAGE];
    PetscCall(SnaModelUpdate(model));
    PetscCall(SnaRunCheckpoint(run, it->group, it->replica, message));
    if (message[0]) PetscCall(PetscFPrintf(it->group, PETSC_STDERR, "checkpoint: %s\n", message));
    run->checkpoint_failed = (PetscBool)(message[0] != 0);
    if (it->replica == 0) PetscCall(PetscPrintf(it->group, "stopping: %s\n", reason));
  } else
    PetscCall(CheckpointIfDue(run, model, it));
  PetscFunctionReturn(0);
}
