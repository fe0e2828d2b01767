// view.c - the view object: options, the choice of the back end, and the rules that hold for all of them.
//
// Frames go to the back end in the order in which they are sent. A view never makes the run fail: whatever happens to it is told once
// on stderr (SnaViewGiveUp) and later calls do nothing. What may be an error is the deck: a script that does not exist, a back end that
// is not built in.
#include "view_impl.h"
#include <sna_config.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const SnaOption SnaViewOptions[] = {
  {"insitu_every", SNA_OPT_INT, "0", 0, 1e9, "0, 1, ...",
    "Pictures every this many iterations, of models of voxels every this many of the pictures they offer; 0: none."},
  {"insitu_script", SNA_OPT_STRING, "", 0, 0, "path",
    "Catalyst (V2) Python script; absent: the shipped postproc/insitu/slices.py, or volume.py for models of voxels."},
  {"insitu_backend", SNA_OPT_CHOICE, "paraview", 0, 0, "paraview|catalyst|none",
    "Who draws: the program sna_view, Catalyst 2 inside the solver, nobody."},
  {"insitu_timeout", SNA_OPT_REAL, "60", 0.1, 1e6, "seconds", "A view that makes no progress for so long is ended."},
  {"insitu_points", SNA_OPT_INT, "96", 8, 256, "8..256",
    "Models of voxels: points per axis of a picture; a larger grid is thinned out."},
  {"insitu_size", SNA_OPT_INTS, "[1280, 720]", 64, 16384, "[width, height]", "Size of the pictures in pixels."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

PetscErrorCode SnaViewCreate(MPI_Comm comm, SnaView *view)
{
  SnaView v;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&v));
  v->comm = comm;
  PetscCallMPI(MPI_Comm_rank(comm, &v->rank));
  PetscCallMPI(MPI_Comm_size(comm, &v->size));
  v->default_script = "slices.py";
  v->timeout        = 60;
  v->pixels[0]      = 1280;
  v->pixels[1]      = 720;
  *view             = v;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaViewSetDefaultScript(SnaView view, const char name[])
{
  PetscFunctionBeginUser;
  view->default_script = name;
  PetscFunctionReturn(0);
}

static PetscBool IsReadable(const char path[])
{
  struct stat info;
  return (PetscBool)(stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, R_OK) == 0);
}

// The script as named by the deck: from the working directory, else beside the deck, else among the shipped files.
static PetscErrorCode FindScript(SnaDeck deck, const char script[], char path[PETSC_MAX_PATH_LEN], PetscBool *found)
{
  const char *deck_path = NULL, *text = NULL;
  char        deck_dir[PETSC_MAX_PATH_LEN] = "";
  const char *folders[]                    = {"", deck_dir, SNA_DATA_BUILD "/", SNA_DATA_INSTALL "/"};

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetText(deck, &deck_path, &text));
  if (deck_path && strrchr(deck_path, '/')) {
    PetscCall(PetscStrncpy(deck_dir, deck_path, sizeof(deck_dir)));
    strrchr(deck_dir, '/')[1] = 0;
  }
  *found = PETSC_FALSE;
  for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && !*found; i++) {
    if (script[0] == '/' && i > 0) break;
    PetscCall(PetscSNPrintf(path, PETSC_MAX_PATH_LEN, "%s%s", folders[i], script));
    *found = IsReadable(path);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaViewFindProgram(size_t size, char program[], PetscBool *found)
{
  const char *wish = getenv("SNA_VIEW");

  PetscFunctionBeginUser;
  *found = PETSC_FALSE;
  if (wish && wish[0]) { // an explicit wish is not replaced by another program
    PetscCall(PetscStrncpy(program, wish, size));
    *found = (PetscBool)(IsReadable(program) && access(program, X_OK) == 0);
    PetscFunctionReturn(0);
  }
  for (int place = 0; place < 3 && !*found; place++) {
    if (place == 0) {
      const ssize_t length             = readlink("/proc/self/exe", program, size - 1);
      program[length > 0 ? length : 0] = 0;
      if (strrchr(program, '/')) strrchr(program, '/')[1] = 0;
      PetscCall(PetscStrlcat(program, "sna_view", size));
    } else
      PetscCall(PetscStrncpy(program, place == 1 ? SNA_VIEW_BUILD : SNA_VIEW_INSTALL, size));
    *found = (PetscBool)(IsReadable(program) && access(program, X_OK) == 0);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaViewSetFromOptions(SnaView view, SnaDeck deck)
{
  const char *script, *backend;
  char        shipped[PETSC_MAX_PATH_LEN];
  PetscInt    n        = 0;
  PetscBool   given    = PETSC_FALSE;
  PetscBool   found[2] = {PETSC_FALSE, PETSC_FALSE};

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetInt(deck, "insitu_every", NULL, &view->every));
  PetscCall(SnaDeckGetString(deck, "insitu_script", NULL, &script));
  PetscCall(SnaDeckGetString(deck, "insitu_backend", NULL, &backend));
  PetscCall(SnaDeckGetReal(deck, "insitu_timeout", NULL, &view->timeout));
  PetscCall(SnaDeckGetInts(deck, "insitu_size", NULL, 2, &n, view->pixels));
  if (n != 2)
    PetscCall(SnaDeckError(deck, "insitu_size", NULL, "`insitu: size` must be width and height, such as [1280, 720]"));

  given = (PetscBool)(script && script[0]);
  PetscCall(PetscSNPrintf(shipped, sizeof(shipped), "postproc/insitu/%s", view->default_script));
  if (!given) script = shipped;
  if (view->rank == 0) {
    PetscCall(FindScript(deck, script, view->script, &found[0]));
    PetscCall(SnaViewFindProgram(sizeof(view->program), view->program, &found[1]));
  }
  // One rank looks, all ranks agree: files may differ between machines.
  PetscCallMPI(MPI_Bcast(found, 2, MPIU_BOOL, 0, view->comm));
  PetscCallMPI(MPI_Bcast(view->script, sizeof(view->script), MPI_CHAR, 0, view->comm));
  if (!found[0] && given)
    PetscCall(SnaDeckError(deck, "insitu_script", NULL,
      "`insitu: script`: cannot read `%s` (looked in the working directory, beside the deck and in %s)", script,
      SNA_DATA_INSTALL));

  view->ops = NULL;
  if (backend && !strcmp(backend, "none"))
    view->every = 0;
  else if (backend && !strcmp(backend, "catalyst")) {
#if SNA_HAVE_CATALYST
    view->ops = &SnaViewOps_Catalyst;
#else
    PetscCall(SnaDeckError(deck, "insitu_backend", NULL,
      "`insitu: backend`: this sna_solver was built without Catalyst 2: use paraview or none, or configure with "
      "catalyst_DIR"));
#endif
  } else
    view->ops = &SnaViewOps_ParaView;

  if (view->every > 0 && view->ops && !found[0] && !given) {
    if (view->rank == 0)
      PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR,
        "in situ: the default script %s is missing: the run goes on without pictures\n", script));
    view->every = 0;
  }
  if (view->every > 0 && view->ops == &SnaViewOps_ParaView && !found[1]) {
    if (view->rank == 0)
      PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR,
        "in situ: there is no %s (ParaView was not found when this was built, see the README): the run goes on without "
        "pictures\n",
        view->program));
    view->every = 0;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaViewGetEvery(SnaView view, PetscInt *every)
{
  PetscFunctionBeginUser;
  *every = view->every;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaViewGiveUp(SnaView view, const char format[], ...)
{
  char    text[SNA_MAX_MESSAGE];
  va_list args;

  PetscFunctionBeginUser;
  if (!view->given_up) {
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR, "in situ: %s: the run goes on without pictures\n", text));
  }
  view->given_up = PETSC_TRUE;
  PetscFunctionReturn(0);
}

// Makes `path` and the folders above it; errno tells of a failure.
static int MakeFolder(const char path[])
{
  char part[PETSC_MAX_PATH_LEN];

  for (size_t i = 1; i <= strlen(path) && i < sizeof(part); i++) {
    if (path[i] != '/' && path[i] != 0) continue;
    memcpy(part, path, i);
    part[i] = 0;
    if (mkdir(part, 0777) != 0 && errno != EEXIST) return -1;
  }
  return access(path, W_OK | X_OK);
}

PetscErrorCode SnaViewOpen(SnaView view, const char dir[], const char case_name[])
{
  int error = 0;

  PetscFunctionBeginUser;
  if (!view->ops || view->every <= 0) PetscFunctionReturn(0);
  PetscCheck(!view->open, view->comm, PETSC_ERR_ORDER, "the view is open");
  PetscCall(PetscStrncpy(view->dir, dir, sizeof(view->dir)));
  PetscCall(PetscStrncpy(view->case_name, case_name, sizeof(view->case_name)));
  view->open     = PETSC_TRUE;
  view->given_up = PETSC_FALSE;
  if (view->rank == 0 && MakeFolder(dir) != 0) error = errno;
  PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, view->comm));
  if (error) {
    if (view->rank == 0) PetscCall(SnaViewGiveUp(view, "cannot write to %s (%s)", dir, strerror(error)));
    view->given_up = PETSC_TRUE;
  } else
    PetscCall((*view->ops->open)(view));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaViewSend(SnaView view, const SnaFrame *frame)
{
  PetscFunctionBeginUser;
  if (!view->open) PetscFunctionReturn(0);
  PetscCheck(frame->slice && frame->slice[0] && !strchr(frame->slice, '/'), view->comm, PETSC_ERR_ARG_WRONG,
    "a frame needs the name of its slice, without slashes");
  PetscCheck(frame->naxis >= 1 && frame->naxis <= 3, view->comm, PETSC_ERR_ARG_OUTOFRANGE,
    "a frame has 1 to 3 axes, not %d", frame->naxis);
  PetscCheck(frame->nfield >= 1, view->comm, PETSC_ERR_ARG_OUTOFRANGE, "a frame has at least one field");
  for (int a = 0; a < frame->naxis; a++) {
    PetscCheck(frame->n[a] >= 2 && frame->n[a] <= PETSC_MPI_INT_MAX, view->comm, PETSC_ERR_ARG_OUTOFRANGE,
      "axis %s has %" PetscInt_FMT " points", frame->axis[a], frame->n[a]);
    PetscCheck(
      frame->hi[a] > frame->lo[a], view->comm, PETSC_ERR_ARG_OUTOFRANGE, "axis %s has no length", frame->axis[a]);
  }
  if (!view->given_up) PetscCall((*view->ops->send)(view, frame));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaViewClose(SnaView view)
{
  PetscFunctionBeginUser;
  if (!view->open) PetscFunctionReturn(0);
  if (!view->given_up) PetscCall((*view->ops->close)(view));
  PetscCall((*view->ops->destroy)(view));
  view->open = PETSC_FALSE;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaViewDestroy(SnaView *view)
{
  PetscFunctionBeginUser;
  if (!*view) PetscFunctionReturn(0);
  if ((*view)->open) PetscCall((*(*view)->ops->destroy)(*view));
  PetscCall(PetscFree(*view));
  PetscFunctionReturn(0);
}
