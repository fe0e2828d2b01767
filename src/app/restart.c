// restart.c - continuing from a file: which keys may differ from the run that wrote it, and the files of further replicas.
#include "app_impl.h"

// Keys that do not change the numbers of an iterate, or that only say how far to go.
static const char *const free_keys[] = {"output_", "insitu_", "checkpoint_", "error_", "max_wall_time", "restart",
  "sample", "sample_output", "predict", "predict_output", "invert", "invert_", "force", "quiet", "check", "case",
  "vsna_rank", "vsna_max_rank", "vsna_ladder", "vsna_als_rtol", "vsna_als_max_sweeps", "vsna_als_sweeps",
  "vsna_als_final_sweeps", "vsna_restarts", "pde_reference", "coordinates_", "vsna_ksp_", "vsna_pc_", "vsna_tao_",
  "vsna_newton_max_it", "vsna_newton_rtol", "vsna_newton_method", "vsna_mat_type",
  "vsna_tt_max_sweeps", "vsna_tt_ksp_", "vsna_convert", "vsna_convert_rank", "homogenize_max_it", "homogenize_memory",
  "homogenize_fields", "homogenize_field_load", "homogenize_macroscopic", "batch_", "generator_cells",
  "generator_attempts", "fft_", "export_"};

static PetscBool IsFree(const char key[])
{
  for (size_t i = 0; i < sizeof(free_keys) / sizeof(free_keys[0]); i++) {
    size_t    length = 0;
    PetscBool same   = PETSC_FALSE;
    if (PetscStrlen(free_keys[i], &length)) return PETSC_FALSE;
    if (free_keys[i][length - 1] == '_')
      (void)PetscStrncmp(key, free_keys[i], length, &same);
    else
      (void)PetscStrcmp(key, free_keys[i], &same);
    if (same) return PETSC_TRUE;
  }
  return PETSC_FALSE;
}

// One line of the effective deck, "key: value  # default"; returns the start of the next.
static char *NextLine(char *line, char **key, char **value)
{
  char *end, *colon, *note;

  *key = *value = NULL;
  if (!line || !*line) return NULL;
  (void)PetscStrchr(line, '\n', &end);
  if (end) *end++ = 0;
  (void)PetscStrstr(line, ": ", &colon);
  if (!colon) return end ? end : line + 1;
  *colon = 0;
  *key   = line;
  *value = colon + 2;
  (void)PetscStrstr(*value, "  # default", &note);
  if (note) *note = 0;
  return end;
}

static PetscErrorCode CompareDecks(
  const char file[], const char theirs[], const char ours[], char message[SNA_MAX_MESSAGE])
{
  char *a, *b, *la, *lb, *ka, *va, *kb, *vb;

  PetscFunctionBeginUser;
  PetscCall(PetscStrallocpy(theirs, &a));
  PetscCall(PetscStrallocpy(ours, &b));
  la = NextLine(a, &ka, &va);
  lb = NextLine(b, &kb, &vb);
  while ((ka || kb) && !message[0]) { // both are sorted by key
    int       order;
    PetscBool same = PETSC_FALSE;
    for (const char *p = ka ? ka : "\x7f", *q = kb ? kb : "\x7f";; p++, q++) {
      order = (unsigned char)*p - (unsigned char)*q;
      if (order || !*p) break;
    }
    if (order == 0) PetscCall(PetscStrcmp(va, vb, &same));
    if (!same && !IsFree(order <= 0 ? ka : kb)) {
      const char *key = order <= 0 ? ka : kb;
      PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
        "%s: it was made from another deck: `%s` is %s there and %s here; only output, how far to go (rank, sweeps, "
        "wall time) and the like may differ",
        file, key, order <= 0 ? va : "absent", order >= 0 ? vb : "absent"));
    }
    if (order <= 0) la = NextLine(la, &ka, &va);
    if (order >= 0) lb = NextLine(lb, &kb, &vb);
  }
  PetscCall(PetscFree(a));
  PetscCall(PetscFree(b));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadOne(SnaRun run, const char path[], char message[SNA_MAX_MESSAGE])
{
  SnaFile     file;
  char       *theirs = NULL, close_message[SNA_MAX_MESSAGE];
  const char *ours, *error;
  PetscBool   ok;

  PetscFunctionBeginUser;
  PetscCall(SnaFileOpen(run->comm, path, &file));
  PetscCall(SnaFileReadText(file, "/run/effective", &theirs));
  PetscCall(SnaFileGetError(file, &error));
  if (error)
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
  else {
    PetscCall(SnaDeckGetEffective(run->deck, &ours));
    PetscCall(CompareDecks(path, theirs, ours, message));
    if (!message[0]) PetscCall(SnaModelRead(run->model, file, &ok, message));
  }
  PetscCall(PetscFree(theirs));
  PetscCall(SnaFileClose(&file, close_message));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaRunRestart(SnaRun run, char message[SNA_MAX_MESSAGE])
{
  char     *tail;
  PetscBool exists = PETSC_TRUE;

  PetscFunctionBeginUser;
  message[0] = 0;
  PetscCall(ReadOne(run, run->restart, message));
  PetscCall(PetscStrstr(run->restart, ".restart.h5", &tail));
  for (PetscInt k = 1; tail && exists && !message[0]; k++) { // <case>.restart.<k>.h5 beside <case>.restart.h5
    char path[PETSC_MAX_PATH_LEN];
    PetscCall(PetscSNPrintf(
      path, sizeof(path), "%.*s.restart.%" PetscInt_FMT ".h5", (int)(tail - run->restart), run->restart, k));
    PetscCall(PetscTestFile(path, 'r', &exists));
    PetscCallMPI(MPI_Bcast(&exists, 1, MPIU_BOOL, 0, run->comm));
    if (exists) PetscCall(ReadOne(run, path, message));
  }
  PetscFunctionReturn(0);
}
