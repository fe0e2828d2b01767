// run.c - one deck from reading to the exit code: set-up in which every deck error surfaces, solve or query, results.
#include "app_impl.h"
#include <petsctime.h>
#include <sna_config.h>

static const SnaOption run_options[] = {
  {"model", SNA_OPT_CHOICE, NULL, 0, 0, "vsna|homogenize|microstructure|khronos", "What to run."},
  {"case", SNA_OPT_STRING, NULL, 0, 0, "name", "Name of the run: its files are <output_dir>/<case>/<case>.*"},
  {"param", SNA_OPT_NAMES, "", 0, 0, "list of name: value", "Constants for all expressions, in order; pi is built in."},
  {"param_*", SNA_OPT_STRING, NULL, 0, 0, "constant expression",
    "Value of one constant; may use the constants before it."},
  {"max_wall_time", SNA_OPT_REAL, "0", 0, 1e12, "seconds",
    "Stop after this time with a restart file and exit code 4; 0: no limit."},
  {"quiet", SNA_OPT_BOOL, "false", 0, 0, NULL, "No progress lines."}, {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption command_options[] = {
  {"check", SNA_OPT_BOOL, "false", 0, 0, NULL,
    "Do everything but solve: set-up, sizes, memory estimate, effective deck. Leaves no output."},
  {"force", SNA_OPT_BOOL, "false", 0, 0, NULL, "Overwrite the results of an earlier run of the same case."},
  {"restart", SNA_OPT_STRING, "", 0, 0, "file", "Continue from a restart file, or from a result to a higher rank."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption query_options[] = {
  {"sample", SNA_OPT_STRING, "", 0, 0, "table",
    "With -restart: evaluate the solution in that file at the points of a CSV or HDF5 table, without solving; the deck "
    "may be left out."},
  {"sample_output", SNA_OPT_STRING, "", 0, 0, "table",
    "Where to; default: the points' name with the unknown's name before its ending."},
  {"predict", SNA_OPT_STRING, "", 0, 0, "table",
    "Predict the unknowns at the rows of a CSV or HDF5 table, and write them behind its columns: after the solve, or "
    "with -restart from that file, without solving."},
  {"predict_output", SNA_OPT_STRING, "", 0, 0, "table",
    "Where to; default: the table's name with _predicted before its ending."},
  {"invert", SNA_OPT_STRING, "", 0, 0, "\"u=0.2\" or \"ys=400, uts=700:720\"",
    "Find inputs for which the unknowns take these values, or one of an interval: after the solve, or with -restart of "
    "the solution in that file, without solving; the deck may then be left out. A stopped run whose deck asks is "
    "finished first."},
  {"invert_at", SNA_OPT_STRING, "", 0, 0, "\"z=0, t=0.5:1\"",
    "Inputs that are fixed, and intervals to search in; an input not named is searched over its domain."},
  {"invert_starts", SNA_OPT_INT, "64", 1, 1000000, "1..1000000", "Points to start from; each leads to one solution."},
  {"invert_rtol", SNA_OPT_REAL, "1e-6", 1e-13, 1, NULL,
    "Largest distance of a solution from the wanted values, as a share of their range."},
  {"invert_prior", SNA_OPT_CHOICE, "none", 0, 0, "none|data",
    "Where to start from: anywhere in the box, or points drawn from the distribution of the data that the model was "
    "learned from."},
  {"invert_output", SNA_OPT_STRING, "", 0, 0, "table",
    "Where to; default: the result's or the restart file's name with _inverse.csv for its ending, .h5 where inputs "
    "stand for signals."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption output_options[] = {
  {"output_dir", SNA_OPT_STRING, "out", 0, 0, "directory", "Where the case's directory is made."},
  {"checkpoint_seconds", SNA_OPT_REAL, "60", 0, 1e12, "seconds", "Time between restart files; 0: none by time."},
  {"checkpoint_every", SNA_OPT_INT, "0", 0, 2147483647, "iterations",
    "Iterations between restart files; 0: none by count."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

int SnaAppGetTables(const char *title[SNA_MAX_TABLES], const SnaOption *table[SNA_MAX_TABLES])
{
  const char *const      titles[] = {"Run", "Command line", "Queries", "Output", "Slices", "Pictures while running"};
  const SnaOption *const tables[] = {
    run_options, command_options, query_options, output_options, SnaSliceOptions, SnaViewOptions};
  int n = 0;

  for (; n < (int)(sizeof(tables) / sizeof(tables[0])); n++) {
    title[n] = titles[n];
    table[n] = tables[n];
  }
  return n + SnaModelGetTables(SNA_MAX_TABLES - n, title + n, table + n);
}

PetscErrorCode SnaRunCreate(MPI_Comm comm, const SnaCommandLine *line, SnaRun *run)
{
  PetscFunctionBeginUser;
  PetscCall(PetscNew(run));
  (*run)->comm = comm;
  (*run)->line = line;
  PetscCall(SnaResultsCreate(&(*run)->results));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaRunDestroy(SnaRun *run)
{
  PetscFunctionBeginUser;
  PetscCall(SnaViewDestroy(&(*run)->view));
  PetscCall(SnaSlicesDestroy(&(*run)->slices));
  PetscCall(SnaModelDestroy(&(*run)->model));
  PetscCall(SnaProgressDestroy(&(*run)->progress));
  PetscCall(SnaResultsDestroy(&(*run)->results));
  PetscCall(SnaDeckDestroy(&(*run)->deck));
  if ((*run)->claim) PetscCall(SnaCaseRelease(&(*run)->claim));
  PetscCall(PetscFree(*run));
  PetscFunctionReturn(0);
}

// Whether the words of the command line hold -key=value.
static PetscErrorCode FindOnCommandLine(SnaRun run, const char key[], const char **value)
{
  size_t    length;
  PetscBool same;

  PetscFunctionBeginUser;
  *value = NULL;
  PetscCall(PetscStrlen(key, &length));
  for (int i = 1; i < run->line->deck_argc; i++) {
    const char *word = run->line->deck_argv[i] + 1;

    PetscCall(PetscStrncmp(word, key, length, &same));
    if (same && word[length] == '=') *value = word + length + 1;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode UserError(SnaRun run, const char message[])
{
  PetscFunctionBeginUser;
  PetscCall(PetscFPrintf(run->comm, PETSC_STDERR, "sna_solver: %s\n", message));
  PetscFunctionReturn(0);
}

// A query needs no deck on the command line: the file holds the effective one, which is a deck itself. What its own command line asked for
// (-force, -restart, ...) is not repeated.
static PetscErrorCode DeckFromFile(SnaRun run, const char path[], SnaDeck *deck, char message[SNA_MAX_MESSAGE])
{
  const SnaOption *const asked[] = {command_options, query_options};

  SnaFile     file;
  char       *text = NULL, *kept, **lines, close_message[SNA_MAX_MESSAGE];
  const char *error;
  int         n;
  size_t      length;

  PetscFunctionBeginUser;
  PetscCall(SnaFileOpen(run->comm, path, &file));
  PetscCall(SnaFileReadText(file, "/run/effective", &text));
  PetscCall(SnaFileGetError(file, &error));
  if (error) PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
  PetscCall(SnaFileClose(&file, close_message));
  if (message[0]) PetscFunctionReturn(0);
  PetscCall(PetscStrlen(text, &length));
  PetscCall(PetscCalloc1(length + 2, &kept));
  PetscCall(PetscStrToArray(text, '\n', &n, &lines));
  for (int i = 0; i < n; i++) {
    PetscBool command = PETSC_FALSE;
    for (size_t t = 0; t < PETSC_STATIC_ARRAY_LENGTH(asked); t++)
      for (const SnaOption *o = asked[t]; o->key && !command; o++) {
        size_t key_length;
        PetscCall(PetscStrlen(o->key, &key_length));
        PetscCall(PetscStrncmp(lines[i], o->key, key_length, &command));
        command = (PetscBool)(command && lines[i][key_length] == ':');
      }
    if (command) continue;
    PetscCall(PetscStrlcat(kept, lines[i], length + 2));
    PetscCall(PetscStrlcat(kept, "\n", length + 2));
  }
  PetscCall(SnaDeckCreateFromText(run->comm, path, kept, run->line->deck_argc, run->line->deck_argv, deck));
  PetscCall(PetscStrToArrayDestroy(n, lines));
  PetscCall(PetscFree(kept));
  PetscCall(PetscFree(text));
  PetscFunctionReturn(0);
}

static PetscErrorCode OpenDeck(SnaRun run, char message[SNA_MAX_MESSAGE])
{
  const char      *title[SNA_MAX_TABLES], *restart = NULL;
  const SnaOption *table[SNA_MAX_TABLES];
  const int        ntable = SnaAppGetTables(title, table);

  PetscFunctionBeginUser;
  message[0] = 0;
  PetscCall(FindOnCommandLine(run, "restart", &restart));
  if (run->line->deck || run->line->help)
    PetscCall(SnaDeckCreate(run->comm, run->line->deck, run->line->deck_argc, run->line->deck_argv, &run->deck));
  else if (restart)
    PetscCall(DeckFromFile(run, restart, &run->deck, message));
  else
    PetscCall(
      PetscSNPrintf(message, SNA_MAX_MESSAGE, "no deck; usage: sna_solver DECK [-key value ...], sna_solver -help"));
  for (int i = 0; i < ntable && run->deck; i++) PetscCall(SnaDeckAddOptions(run->deck, title[i], table[i]));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadRunKeys(SnaRun run)
{
  SnaDeck deck = run->deck;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetString(deck, "case", NULL, &run->case_name));
  if (run->case_name) {
    PetscBool bad = PETSC_FALSE;
    for (const char *c = run->case_name; *c; c++)
      if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_' ||
            *c == '-' || *c == '.'))
        bad = PETSC_TRUE;
    if (bad || run->case_name[0] == '.' || !run->case_name[0])
      PetscCall(
        SnaDeckError(deck, "case", NULL, "`%s` cannot name files; use letters, digits, _ - and .", run->case_name));
  }
  PetscCall(SnaDeckGetString(deck, "output_dir", NULL, &run->dir));
  PetscCall(SnaDeckGetString(deck, "restart", NULL, &run->restart));
  PetscCall(SnaDeckGetString(deck, "sample", NULL, &run->sample));
  PetscCall(SnaDeckGetString(deck, "sample_output", NULL, &run->sample_output));
  PetscCall(SnaDeckGetString(deck, "predict", NULL, &run->predict));
  PetscCall(SnaDeckGetString(deck, "predict_output", NULL, &run->predict_output));
  if (run->restart && !*run->restart) run->restart = NULL;
  if (run->sample && !*run->sample) run->sample = NULL;
  if (run->sample_output && !*run->sample_output) run->sample_output = NULL;
  if (run->predict && !*run->predict) run->predict = NULL;
  if (run->predict_output && !*run->predict_output) run->predict_output = NULL;
  if (run->sample && !run->restart)
    PetscCall(SnaDeckError(deck, "sample", NULL, "-sample needs -restart FILE: the solution to evaluate"));
  if (run->sample_output && !run->sample)
    PetscCall(SnaDeckError(deck, "sample_output", NULL, "-sample_output has no effect without -sample"));
  if (run->predict_output && !run->predict)
    PetscCall(SnaDeckError(deck, "predict_output", NULL, "predict_output has no effect without predict"));
  PetscCall(SnaDeckGetBool(deck, "check", NULL, &run->check));
  PetscCall(SnaDeckGetBool(deck, "force", NULL, &run->force));
  PetscCall(SnaDeckGetBool(deck, "quiet", NULL, &run->quiet));
  PetscCall(SnaDeckGetReal(deck, "max_wall_time", NULL, &run->max_wall_time));
  PetscCall(SnaDeckGetReal(deck, "checkpoint_seconds", NULL, &run->checkpoint_seconds));
  PetscCall(SnaDeckGetInt(deck, "checkpoint_every", NULL, &run->checkpoint_every));
  PetscFunctionReturn(0);
}

// What the deck may not ask of a model without directions.
static PetscErrorCode RefuseDirections(SnaRun run, const char type[])
{
  static const char *const refused[][2] = {{"output_slice", "to slice; its fields are written as voxel grids"},
    {"coordinates_space", "that other coordinates could map to"}, {"coordinates_map", "to map to"},
    {"sample", "to sample in"}, {"predict", "to predict in"}, {"invert", "to search in"}};

  PetscFunctionBeginUser;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(refused); i++) {
    PetscBool given;
    PetscCall(SnaDeckHas(run->deck, refused[i][0], NULL, &given));
    if (given)
      PetscCall(SnaDeckError(run->deck, refused[i][0], NULL, "model `%s` has no directions %s", type, refused[i][1]));
  }
  PetscFunctionReturn(0);
}

// With -restart, queries of the command line ask the solution in the file, and those of the deck rest. Without any on the command line, the deck's ask it
// too, but where the file is that of a run that was stopped: that goes on and answers in its end.
static PetscErrorCode ReadQueries(SnaRun run)
{
  char        stem[PETSC_MAX_PATH_LEN];
  const char *invert, *predict;
  PetscBool   stopped = PETSC_FALSE, asked, h5;
  size_t      length;

  PetscFunctionBeginUser;
  PetscCall(FindOnCommandLine(run, "invert", &invert));
  PetscCall(FindOnCommandLine(run, "predict", &predict));
  asked = (PetscBool)(run->sample || (invert && *invert) || (predict && *predict));
  if (run->restart) PetscCall(PetscStrendswith(run->restart, ".restart.h5", &stopped));
  run->resume = (PetscBool)(stopped && !asked);
  if (run->restart && !run->resume) { // the name of an inversion's default output
    PetscCall(PetscStrncpy(stem, run->restart, sizeof(stem)));
    PetscCall(PetscStrendswith(stem, ".h5", &h5));
    PetscCall(PetscStrlen(stem, &length));
    if (h5) stem[length - 3] = 0;
  } else
    PetscCall(PetscSNPrintf(stem, sizeof(stem), "%s/%s/%s", run->dir, run->case_name ? run->case_name : "",
      run->case_name ? run->case_name : ""));
  PetscCall(SnaInversionSetFromOptions(run->deck, run->model, stem, &run->invert, &run->inversion));
  if (run->restart && asked && !invert) run->invert = PETSC_FALSE;
  if (run->restart && asked && !predict) run->predict = NULL;
  if (run->invert && run->sample)
    PetscCall(SnaDeckError(run->deck, "invert", NULL, "-invert and -sample are two queries: one run answers one"));
  if (run->predict && run->sample)
    PetscCall(SnaDeckError(run->deck, "predict", NULL, "-predict and -sample are two queries: one run answers one"));
  PetscFunctionReturn(0);
}

// The grids through the solution and the queries, of models with directions.
static PetscErrorCode ReadDirectionKeys(SnaRun run, const char type[])
{
  const SnaCoordinatesInfo *space;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetCoordinates(run->model, &space));
  PetscCall(SnaSlicesCreate(&run->slices));
  if (!space) {
    PetscInt every;
    PetscCall(RefuseDirections(run, type));
    PetscCall(SnaDeckGetInt(run->deck, "insitu_every", NULL, &every));
    if (every > 0 && !run->has_picture)
      PetscCall(SnaDeckError(run->deck, "insitu_every", NULL, "model `%s` has no pictures to draw", type));
    PetscFunctionReturn(0);
  }
  PetscCall(SnaSlicesSetFromOptions(run->slices, run->deck, run->model));
  PetscCall(ReadQueries(run));
  PetscFunctionReturn(0);
}

// Everything that reads the deck; afterwards the number of errors is final.
static PetscErrorCode SetUpFromDeck(SnaRun run)
{
  const char         *type;
  const SnaModelInfo *info;
  PetscInt            errors;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetErrorCount(run->deck, &errors));
  if (errors > 0) PetscFunctionReturn(0); // the deck could not be read
  PetscCall(SnaDeckSetUpConstants(run->deck));
  PetscCall(ReadRunKeys(run));
  PetscCall(SnaDeckGetString(run->deck, "model", NULL, &type));
  if (!type) PetscFunctionReturn(0);
  PetscCall(SnaModelCreate(run->comm, type, &run->model));
  PetscCall(SnaModelSetFromOptions(run->model, run->deck));
  PetscCall(SnaModelHasPicture(run->model, &run->has_picture));
  PetscCall(ReadDirectionKeys(run, type));
  PetscCall(SnaModelSetUp(run->model, run->deck));
  PetscCall(SnaModelGetInfo(run->model, &info));
  PetscCall(SnaViewCreate(info->group == MPI_COMM_NULL ? PETSC_COMM_SELF : info->group, &run->view));
  if (run->has_picture) {
    PetscCall(SnaViewSetDefaultScript(run->view, "volume.py"));
    PetscCall(SnaDeckGetInt(run->deck, "insitu_points", NULL, &run->picture_points));
  }
  PetscCall(SnaViewSetFromOptions(run->view, run->deck));
  PetscCall(SnaViewGetEvery(run->view, &run->view_every));
  PetscCall(SnaDeckCheckUnused(run->deck));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaRunSetUp(SnaRun run, PetscBool *finished, SnaExit *code)
{
  char        message[SNA_MAX_MESSAGE];
  PetscInt    errors;
  const char *text;

  PetscFunctionBeginUser;
  *finished = PETSC_TRUE;
  *code     = SNA_EXIT_USAGE;
  if (run->line->version) {
    PetscCall(PetscPrintf(run->comm, "sna_solver %s (%s, %s), PETSc %d.%d.%d\n", SNA_VERSION, SNA_GIT_HASH,
      SNA_BUILD_TYPE, PETSC_VERSION_MAJOR, PETSC_VERSION_MINOR, PETSC_VERSION_SUBMINOR));
    *code = SNA_EXIT_SOLVED;
    PetscFunctionReturn(0);
  }
  if (run->line->message[0]) {
    PetscCall(UserError(run, run->line->message));
    PetscFunctionReturn(0);
  }
  PetscCall(OpenDeck(run, message));
  if (message[0]) {
    PetscCall(UserError(run, message));
    PetscFunctionReturn(0);
  }
  if (run->line->help) {
    PetscBool markdown = PETSC_FALSE;
    if (run->line->filter) PetscCall(PetscStrcmp(run->line->filter, "markdown", &markdown));
    PetscCall(SnaDeckPrintHelp(run->deck, markdown ? NULL : run->line->filter, markdown));
    *code = SNA_EXIT_SOLVED;
    PetscFunctionReturn(0);
  }
  PetscCall(SetUpFromDeck(run));
  PetscCall(SnaDeckGetErrorCount(run->deck, &errors));
  if (errors > 0) {
    PetscCall(SnaDeckReport(run->deck));
    PetscFunctionReturn(0);
  }
  if (run->check) {
    PetscCall(SnaModelView(run->model));
    PetscCall(SnaDeckGetEffective(run->deck, &text));
    PetscCall(PetscPrintf(run->comm, "effective deck:\n"));
    PetscCall(PetscPrintf(run->comm, "%s", text));
    PetscCall(PetscPrintf(run->comm, "the deck is fine; nothing was solved\n"));
    *code = SNA_EXIT_SOLVED;
    PetscFunctionReturn(0);
  }
  *finished = PETSC_FALSE;
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteResults(SnaRun run, char message[SNA_MAX_MESSAGE])
{
  SnaFile  file;
  char     path[PETSC_MAX_PATH_LEN];
  PetscInt slices, grids = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaCaseGetPath(run->claim, ".h5", sizeof(path), path));
  PetscCall(SnaFileCreate(run->comm, path, &file));
  PetscCall(SnaFileWriteRun(file, run->deck, run->results, run->line->argc, run->line->argv));
  PetscCall(SnaModelWrite(run->model, file));
  PetscCall(SnaRunDescribeGrids(run, file));
  PetscCall(SnaSlicesWrite(run->slices, run->comm, run->model, file));
  PetscCall(SnaFileClose(&file, message));
  if (message[0]) PetscFunctionReturn(0);
  PetscCall(SnaSlicesWriteXdmf(run->slices, run->comm, run->model, run->claim, &slices, message));
  if (!message[0]) PetscCall(SnaRunWriteGrids(run, &grids, message));
  PetscCall(PetscPrintf(run->comm, "results: %s, %" PetscInt_FMT " .xmf for ParaView\n", path, slices + grids));
  PetscFunctionReturn(0);
}

static PetscErrorCode OpenView(SnaRun run)
{
  const SnaModelInfo *info;
  const char         *dir;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(run->model, &info));
  if (run->view_every <= 0 || info->group == MPI_COMM_NULL || info->replica != 0) PetscFunctionReturn(0);
  PetscCall(SnaCaseGetDir(run->claim, &dir));
  PetscCall(SnaViewOpen(run->view, dir, run->case_name));
  run->view_open = PETSC_TRUE;
  PetscFunctionReturn(0);
}

// What is asked of the solution that the model holds.
static PetscErrorCode Answer(SnaRun run, char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  message[0] = 0;
  if (run->sample) PetscCall(SnaQuery(run->comm, run->model, run->sample, run->sample_output, run->results, message));
  if (run->predict)
    PetscCall(SnaPredict(run->comm, run->model, run->predict, run->predict_output, run->results, message));
  if (run->invert && !message[0]) PetscCall(SnaInvert(run->comm, run->model, &run->inversion, run->results, message));
  PetscFunctionReturn(0);
}

static PetscErrorCode Solve(SnaRun run, SnaExit *code)
{
  SnaSolveStatus status;
  char           message[SNA_MAX_MESSAGE], refused[SNA_MAX_MESSAGE] = "", path[PETSC_MAX_PATH_LEN];
  double         memory = SnaMemoryPeak();
  int            failed = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaModelView(run->model));
  PetscCall(OpenView(run));
  PetscCall(SnaProgressCreate(run->comm, &run->progress));
  PetscCall(SnaProgressSetQuiet(run->progress, run->quiet));
  PetscCall(SnaModelSetMonitor(run->model, SnaRunMonitor, run));
  PetscCall(PetscTime(&run->last_checkpoint));
  PetscCall(SnaResultsAdd(run->results, "memory_start_mb", memory / 1048576.0));
  PetscCall(SnaModelSolve(run->model, run->results, &status));
  memory = SnaMemoryPeak();
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &memory, 1, MPI_DOUBLE, MPI_MAX, run->comm));
  PetscCall(SnaResultsAdd(run->results, "memory_mb", memory / 1048576.0));
  if (run->view_open) PetscCall(SnaViewClose(run->view));
  PetscCall(SnaCaseGetPath(run->claim, ".restart.h5", sizeof(path), path));
  if (status == SNA_SOLVE_STOPPED) {
    failed = run->checkpoint_failed;
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, run->comm));
    if (!failed) PetscCall(PetscPrintf(run->comm, "stopped; continue with -restart %s\n", path));
    *code = failed ? SNA_EXIT_INTERNAL : SNA_EXIT_STOPPED;
    PetscFunctionReturn(0);
  }
  PetscCall(SnaModelFinish(run->model, run->results));
  PetscCall(WriteResults(run, message));
  if (!message[0]) PetscCall(Answer(run, refused));
  PetscCall(SnaResultsPrint(run->results, run->comm));
  *code = status == SNA_SOLVE_CONVERGED ? SNA_EXIT_SOLVED : SNA_EXIT_NOTCONVERGED;
  if (status != SNA_SOLVE_CONVERGED)
    PetscCall(PetscPrintf(run->comm, "not converged; the files hold where it ended\n"));
  if (refused[0]) {
    PetscCall(UserError(run, refused));
    *code = SNA_EXIT_USAGE;
  }
  if (message[0]) {
    PetscCall(UserError(run, message));
    *code = SNA_EXIT_INTERNAL;
  }
  PetscFunctionReturn(0);
}

// <case>.log: what the screen shows from here on, with the command that led to it; a restart goes on in the same file.
static PetscErrorCode OpenLog(SnaRun run, char message[SNA_MAX_MESSAGE])
{
  char        path[PETSC_MAX_PATH_LEN], date[64];
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCall(SnaCaseGetPath(run->claim, ".log", sizeof(path), path));
  PetscCall(SnaLogOpen(run->comm, path, (PetscBool)(run->restart != NULL), message));
  if (message[0]) PetscFunctionReturn(0);
  PetscCallMPI(MPI_Comm_size(run->comm, &size));
  PetscCall(PetscGetDate(date, sizeof(date)));
  PetscCall(PetscPrintf(run->comm, "sna_solver %s (%s) on %d rank%s, %s, deck %s\n", SNA_VERSION, SNA_GIT_HASH, size,
    size > 1 ? "s" : "", date, run->line->deck ? run->line->deck : "of the restart file"));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaRunExecute(SnaRun run, SnaExit *code)
{
  char      message[SNA_MAX_MESSAGE];
  PetscBool ok;

  PetscFunctionBeginUser;
  *code = SNA_EXIT_USAGE;
  if (run->restart) {
    PetscCall(SnaRunRestart(run, message));
    if (message[0]) {
      PetscCall(UserError(run, message));
      PetscFunctionReturn(0);
    }
  }
  if (run->restart && !run->resume && (run->sample || run->predict || run->invert)) {
    PetscCall(Answer(run, message));
    if (message[0])
      PetscCall(UserError(run, message));
    else {
      PetscCall(SnaResultsPrint(run->results, run->comm));
      *code = SNA_EXIT_SOLVED;
    }
    PetscFunctionReturn(0);
  }
  PetscCall(SnaCaseClaim(run->comm, run->dir, run->case_name, run->force, &run->claim, &ok, message));
  if (message[0]) PetscCall(UserError(run, message)); // a refusal, or a warning
  if (!ok) PetscFunctionReturn(0);
  PetscCall(OpenLog(run, message));
  if (message[0]) {
    PetscCall(UserError(run, message));
    *code = SNA_EXIT_INTERNAL;
  } else
    PetscCall(Solve(run, code));
  PetscCall(SnaLogClose());
  PetscFunctionReturn(0);
}
