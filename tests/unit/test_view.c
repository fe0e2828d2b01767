// test_view.c - the view's object and its ParaView back end without ParaView: this program also plays sna_view.   np: 1 2   timeout: 90
//
// Started as `test_view --frames 3 --replies 4 ...` it behaves as SNA_TEST_VIEW says (good, die, hang, fail) and writes down what it received.
// Started as `test_view --drive DECK DIR NAXIS POINTS FRAMES PAUSE_MS` it sends frames to the real view: tests/verify/insitu_paraview.py.
#include "insitu/frame_protocol.h"
#include <sna/insitu.h>
#include <sna_config.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((int)(call), 0)

extern char **environ;

static double Now(void)
{
  struct timespec t;

  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void Nap(double seconds)
{
  const struct timespec t = {(time_t)seconds, (long)(1e9 * (seconds - floor(seconds)))};

  (void)nanosleep(&t, NULL);
}

// ---------------------------------------------------------------------------------------------------------------------
// The part of sna_view
// ---------------------------------------------------------------------------------------------------------------------
static int ReadAll(int fd, void *buffer, size_t bytes)
{
  for (size_t done = 0; done < bytes;) {
    const ssize_t got = read(fd, (char *)buffer + done, bytes - done);
    if (got <= 0) return 0;
    done += (size_t)got;
  }
  return 1;
}

static double Checksum(size_t n, const double data[])
{
  double sum = 0;

  for (size_t i = 0; i < n; i++) sum += (double)(i % 101 + 1) * data[i];
  return sum;
}

// One line per frame: step time naxis nfield n lo hi, the text with | between words, the checksum.
static void Describe(FILE *out, const SnaFrameHeader *h, const char text[], double checksum)
{
  fprintf(out, "%lld %.17g %u %u", (long long)h->step, h->time, h->naxis, h->nfield);
  for (int a = 0; a < 3; a++) fprintf(out, " %lld %.17g %.17g", (long long)h->n[a], h->lo[a], h->hi[a]);
  fprintf(out, " ");
  for (size_t i = 0; i < h->text_bytes; i++) fputc(text[i] ? text[i] : '|', out);
  fprintf(out, " %.17g\n", checksum);
}

static int PlayView(int argc, char **argv)
{
  const char    *mode = getenv("SNA_TEST_VIEW"), *nap = getenv("SNA_TEST_NAP"), *dir = ".";
  char           path[4096];
  FILE          *out;
  SnaFrameHeader header;
  SnaFrameReply  reply = {.kind = SNA_REPLY_READY, .version = SNA_FRAME_VERSION};

  for (int i = 1; i + 1 < argc; i++) {
    if (!strcmp(argv[i], "--dir")) dir = argv[i + 1];
  }
  snprintf(path, sizeof(path), "%s/received", dir);
  out = fopen(path, "w");
  if (!out) return 1;
  for (int i = 1; i < argc; i++) fprintf(out, "%s ", argv[i]);
  fprintf(out, "\n");
  for (char **e = environ; *e; e++) {
    if (!strncmp(*e, "PMI", 3) || !strncmp(*e, "MPI", 3) || !strncmp(*e, "HYD", 3) || !strncmp(*e, "OMPI", 4) ||
        !strncmp(*e, "SLURM", 5))
      fprintf(out, "launcher variable %s\n", *e);
  }
  fflush(out);
  if (!strcmp(mode, "hang")) {
    for (;;) Nap(1);
  }
  if (!strcmp(mode, "fail")) {
    reply.kind = SNA_REPLY_FAILED;
    snprintf(reply.text, sizeof(reply.text), "pictures need paint");
    return write(4, &reply, sizeof(reply)) != (ssize_t)sizeof(reply);
  }
  if (write(4, &reply, sizeof(reply)) != (ssize_t)sizeof(reply)) return 1;
  while (ReadAll(3, &header, sizeof(header))) {
    if (header.kind == SNA_FRAME_END) {
      reply.kind = SNA_REPLY_BYE;
      fprintf(out, "end\n");
      fclose(out);
      return write(4, &reply, sizeof(reply)) != (ssize_t)sizeof(reply);
    }
    char   *text = malloc(header.text_bytes);
    double *data = malloc(header.data_bytes);
    if (!text || !data || !ReadAll(3, text, header.text_bytes) || !ReadAll(3, data, header.data_bytes)) return 1;
    Describe(out, &header, text, Checksum(header.data_bytes / sizeof(double), data));
    free(text);
    free(data);
    fflush(out);
    if (!strcmp(mode, "die")) raise(SIGKILL);
    if (nap) Nap(1e-3 * atof(nap));
    reply.kind = SNA_REPLY_DRAWN;
    reply.drawn++;
    if (write(4, &reply, sizeof(reply)) != (ssize_t)sizeof(reply)) return 1;
  }
  fprintf(out, "broken off\n");
  return 1;
}

// ---------------------------------------------------------------------------------------------------------------------
// Frames
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  SnaFrame      frame;
  const char   *fields[2];
  const double *data[2];
  double       *values;
  char          caption[128];
} TestFrame;

// A Gaussian that moves around the middle, and its negative as a second field. Data on rank 0 alone.
static void FrameCreate(const char slice[], int naxis, PetscInt n, PetscInt step, TestFrame *f)
{
  static const char *const names[] = {"x", "y", "z"};
  PetscMPIInt              rank;
  size_t                   points = 1;
  const double             angle  = 0.3 * (double)step;

  memset(f, 0, sizeof(*f));
  f->frame = (SnaFrame){.slice = slice,
    .step                      = step,
    .time                      = 0.1 * (double)step,
    .caption                   = f->caption,
    .naxis                     = naxis,
    .nfield                    = 2,
    .field                     = f->fields,
    .data                      = f->data};
  for (int a = 0; a < naxis; a++) {
    f->frame.axis[a] = names[a];
    f->frame.n[a]    = n + a;
    f->frame.lo[a]   = -1;
    f->frame.hi[a]   = 1 + a;
    points *= (size_t)(n + a);
  }
  snprintf(
    f->caption, sizeof(f->caption), "sweep %d   t = %g   omega = 1.05   kappa = 0.001", (int)step, f->frame.time);
  f->fields[0] = "u";
  f->fields[1] = "minus_u";
  OK(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank > 0) return;
  f->values = malloc(2 * points * sizeof(double));
  assert_non_null(f->values);
  for (size_t i = 0; i < points; i++) {
    size_t rest = i;
    double r2   = 0;
    for (int a = 0; a < naxis; a++) {
      const size_t m = (size_t)f->frame.n[a];
      const double x = f->frame.lo[a] + (f->frame.hi[a] - f->frame.lo[a]) * (double)(rest % m) / (double)(m - 1);
      const double c = a == 0 ? 0.4 * cos(angle) : a == 1 ? 0.4 * sin(angle) : 0;
      r2 += (x - c) * (x - c);
      rest /= m;
    }
    f->values[i]          = exp(-r2 / (2 * 0.15 * 0.15));
    f->values[points + i] = -f->values[i];
  }
  f->data[0] = f->values;
  f->data[1] = f->values + points;
}

static void FrameDestroy(TestFrame *f)
{
  free(f->values);
}

// The line that the playing view must have written for this frame.
static void Expect(const TestFrame *f, char line[1024])
{
  SnaFrameHeader h = {
    .step = f->frame.step, .time = f->frame.time, .naxis = (uint32_t)f->frame.naxis, .nfield = 2, .n = {1, 1, 1}};
  char        text[512];
  size_t      at = 0, points = 1;
  FILE       *out      = fmemopen(line, 1024, "w");
  const char *words[7] = {f->frame.slice, f->frame.caption, f->frame.axis[0]};
  int         n        = 3;

  for (int a = 1; a < f->frame.naxis; a++) words[n++] = f->frame.axis[a];
  words[n++] = "u";
  words[n++] = "minus_u";
  for (int w = 0; w < n; w++) {
    memcpy(text + at, words[w], strlen(words[w]) + 1);
    at += strlen(words[w]) + 1;
  }
  h.text_bytes = at;
  for (int a = 0; a < f->frame.naxis; a++) {
    h.n[a]  = f->frame.n[a];
    h.lo[a] = f->frame.lo[a];
    h.hi[a] = f->frame.hi[a];
    points *= (size_t)h.n[a];
  }
  Describe(out, &h, text, Checksum(2 * points, f->values));
  fclose(out);
}

// ---------------------------------------------------------------------------------------------------------------------
// A folder, a deck, what was said on stderr
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscMPIInt rank;
  char        dir[64], deck[128], said[128];
  int         stderr_fd;
} Scene;

static int SceneSetUp(void **state)
{
  Scene *s = calloc(1, sizeof(*s));

  OK(MPI_Comm_rank(PETSC_COMM_WORLD, &s->rank));
  snprintf(s->dir, sizeof(s->dir), "/tmp/test_view_XXXXXX");
  if (s->rank == 0) assert_non_null(mkdtemp(s->dir));
  OK(MPI_Bcast(s->dir, sizeof(s->dir), MPI_CHAR, 0, PETSC_COMM_WORLD));
  snprintf(s->deck, sizeof(s->deck), "%s/a.deck", s->dir);
  snprintf(s->said, sizeof(s->said), "%s/said.%d", s->dir, s->rank);
  s->stderr_fd = -1;
  *state       = s;
  return 0;
}

static int SceneTearDown(void **state)
{
  Scene *s = (Scene *)*state;
  char   path[256];

  if (s->stderr_fd >= 0) {
    dup2(s->stderr_fd, 2);
    close(s->stderr_fd);
  }
  OK(MPI_Barrier(PETSC_COMM_WORLD));
  unlink(s->said);
  OK(MPI_Barrier(PETSC_COMM_WORLD));
  if (s->rank == 0) {
    static const char *const names[] = {
      "a.deck", "pictures/now/received", "pictures/now/view.log", "pictures/now", "pictures"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      snprintf(path, sizeof(path), "%s/%s", s->dir, names[i]);
      (void)remove(path);
    }
    (void)rmdir(s->dir);
  }
  free(s);
  return 0;
}

static void CaptureStderr(Scene *s)
{
  const int fd = open(s->said, O_CREAT | O_TRUNC | O_RDWR | O_APPEND, 0666);

  fflush(stderr);
  s->stderr_fd = dup(2);
  assert_true(fd >= 0 && dup2(fd, 2) == 2);
  close(fd);
}

static void ReadText(const char path[], size_t size, char text[])
{
  FILE  *in  = fopen(path, "r");
  size_t got = in ? fread(text, 1, size - 1, in) : 0;

  text[got] = 0;
  if (in) fclose(in);
}

// Gives stderr back; `text` is what was said meanwhile on this rank.
static void ReleaseStderr(Scene *s, size_t size, char text[])
{
  fflush(stderr);
  dup2(s->stderr_fd, 2);
  close(s->stderr_fd);
  s->stderr_fd = -1;
  ReadText(s->said, size, text);
}

static void ViewCreate(Scene *s, const char keys[], SnaView *view, SnaDeck *deck)
{
  if (s->rank == 0) {
    FILE *out = fopen(s->deck, "w");
    assert_non_null(out);
    fprintf(out, "case: a\n%s", keys);
    fclose(out);
  }
  OK(MPI_Barrier(PETSC_COMM_WORLD));
  OK(SnaDeckCreate(PETSC_COMM_WORLD, s->deck, 0, NULL, deck));
  OK(SnaDeckAddOptions(*deck, "Pictures", SnaViewOptions));
  OK(SnaViewCreate(PETSC_COMM_WORLD, view));
  OK(SnaViewSetFromOptions(*view, *deck));
}

static int CountLines(const char text[])
{
  int n = 0;

  for (; *text; text++) n += *text == '\n';
  return n;
}

// Sends n frames of slice `mid`, `pause` seconds apart; returns the seconds spent in SnaViewSend. expected[i]: what must arrive (may be NULL).
static double SendFrames(SnaView view, int naxis, PetscInt points, int n, double pause, char expected[][1024])
{
  double seconds = 0;

  for (int i = 0; i < n; i++) {
    TestFrame f;
    FrameCreate("mid", naxis, points, i, &f);
    if (expected && f.values) Expect(&f, expected[i]);
    seconds -= Now();
    OK(SnaViewSend(view, &f.frame));
    seconds += Now();
    FrameDestroy(&f);
    if (pause > 0) Nap(pause);
  }
  return seconds;
}

// ---------------------------------------------------------------------------------------------------------------------
// Tests
// ---------------------------------------------------------------------------------------------------------------------
static void test_frames_arrive(void **state)
{
  Scene      *s = (Scene *)*state;
  SnaView     view;
  SnaDeck     deck;
  PetscInt    every, errors;
  char        dir[128], path[192], *received = malloc(1 << 20), *at;
  static char expected[3][1024];

  setenv("SNA_TEST_VIEW", "good", 1);
  ViewCreate(s, "insitu: {every: 3, size: [640, 360]}\n", &view, &deck);
  OK(SnaDeckGetErrorCount(deck, &errors));
  assert_int_equal(errors, 0);
  OK(SnaViewGetEvery(view, &every));
  assert_int_equal(every, 3);
  snprintf(dir, sizeof(dir), "%s/pictures/now", s->dir); // made with the folder above it
  for (int run = 0; run < 2; run++) {                    // a view can be opened again
    OK(SnaViewOpen(view, dir, "plume"));
    for (int naxis = 1; naxis <= 3; naxis++) {
      TestFrame f;
      FrameCreate("mid", naxis, 9, 7 + naxis, &f);
      if (f.values) Expect(&f, expected[naxis - 1]);
      OK(SnaViewSend(view, &f.frame));
      FrameDestroy(&f);
    }
    OK(SnaViewClose(view));
  }
  if (s->rank == 0) {
    snprintf(path, sizeof(path), "%s/received", dir);
    ReadText(path, 1 << 20, received);
    assert_non_null(strstr(received, "--size 640x360"));
    assert_non_null(strstr(received, "--case plume"));
    assert_non_null(strstr(received, "postproc/insitu/slices.py"));
    assert_null(strstr(received, "launcher variable"));
    at = strchr(received, '\n');
    for (int i = 0; i < 3; i++) {
      assert_memory_equal(at + 1, expected[i], strlen(expected[i]));
      at = strchr(at + 1, '\n');
    }
    assert_string_equal(at + 1, "end\n");
  }
  free(received);
  OK(SnaViewDestroy(&view));
  OK(SnaDeckDestroy(&deck));
}

// A view that takes 25 ms for each frame and reads only then: the solver must not be slowed down, and nothing may be lost.
static void test_slow_view(void **state)
{
  enum { FRAMES = 40 };
  Scene      *s = (Scene *)*state;
  SnaView     view;
  SnaDeck     deck;
  double      seconds;
  char        dir[128], path[192], *received = malloc(1 << 20), *at;
  static char expected[FRAMES][1024];

  setenv("SNA_TEST_VIEW", "good", 1);
  setenv("SNA_TEST_NAP", "25", 1);
  ViewCreate(s, "insitu: {every: 1}\n", &view, &deck);
  snprintf(dir, sizeof(dir), "%s/pictures/now", s->dir);
  OK(SnaViewOpen(view, dir, "plume"));
  seconds = SendFrames(view, 2, 129, FRAMES, 0, expected);
  OK(SnaViewClose(view));
  unsetenv("SNA_TEST_NAP");
  if (s->rank == 0) {
    assert_true(seconds < 0.4 * FRAMES * 0.025); // the pictures take 1 s
    snprintf(path, sizeof(path), "%s/received", dir);
    ReadText(path, 1 << 20, received);
    at = strchr(received, '\n');
    for (int i = 0; i < FRAMES; i++) {
      assert_memory_equal(at + 1, expected[i], strlen(expected[i]));
      at = strchr(at + 1, '\n');
    }
    assert_string_equal(at + 1, "end\n");
  }
  free(received);
  OK(SnaViewDestroy(&view));
  OK(SnaDeckDestroy(&deck));
}

// Whatever becomes of the view, there is one line, and the calls that follow are harmless and quick.
static void CheckTrouble(Scene *s, const char mode[], const char keys[], double pause, const char message[])
{
  SnaView view;
  SnaDeck deck;
  char    dir[128], said[8192];
  double  start;

  setenv("SNA_TEST_VIEW", mode, 1);
  CaptureStderr(s);
  ViewCreate(s, keys, &view, &deck);
  snprintf(dir, sizeof(dir), "%s/pictures/now", s->dir);
  OK(SnaViewOpen(view, dir, "plume"));
  start = Now();
  (void)SendFrames(view, 2, 129, 12, pause, NULL);
  OK(SnaViewClose(view));
  OK(SnaViewDestroy(&view));
  OK(SnaDeckDestroy(&deck));
  ReleaseStderr(s, sizeof(said), said);
  assert_true(Now() - start < 10);
  assert_int_equal(CountLines(said), s->rank == 0 ? 1 : 0);
  if (s->rank == 0 && !strstr(said, message)) fail_msg("expected `%s`, got `%s`", message, said);
}

static void test_killed_view(void **state)
{
  CheckTrouble((Scene *)*state, "die", "insitu: {every: 1}\n", 0.02, "in situ: sna_view ended (signal 9, see ");
}

static void test_killed_view_at_close(void **state)
{
  CheckTrouble((Scene *)*state, "die", "insitu: {every: 1}\n", 0, "in situ: sna_view ended (signal 9, see ");
}

static void test_hanging_view(void **state)
{
  CheckTrouble((Scene *)*state, "hang", "insitu: {every: 1, timeout: 0.5}\n", 0.1,
    "in situ: sna_view made no progress for 0.5 s and was ended (see ");
}

static void test_hanging_view_at_close(void **state)
{
  CheckTrouble((Scene *)*state, "hang", "insitu: {every: 1, timeout: 0.5}\n", 0,
    "in situ: sna_view made no progress for 0.5 s and was ended (see ");
}

static void test_failing_view(void **state)
{
  CheckTrouble((Scene *)*state, "fail", "insitu: {every: 1}\n", 0.05, "in situ: pictures need paint (see ");
}

// A run that ends early destroys the view without closing it: no child may stay, nothing is said.
static void test_destroy_without_close(void **state)
{
  Scene  *s = (Scene *)*state;
  SnaView view;
  SnaDeck deck;
  char    dir[128], said[1024];

  setenv("SNA_TEST_VIEW", "hang", 1);
  CaptureStderr(s);
  ViewCreate(s, "insitu: {every: 1}\n", &view, &deck);
  snprintf(dir, sizeof(dir), "%s/pictures/now", s->dir);
  OK(SnaViewOpen(view, dir, "plume"));
  (void)SendFrames(view, 2, 65, 2, 0, NULL);
  OK(SnaViewDestroy(&view));
  OK(SnaDeckDestroy(&deck));
  ReleaseStderr(s, sizeof(said), said);
  assert_string_equal(said, "");
}

static void test_no_view_program(void **state)
{
  Scene      *s    = (Scene *)*state;
  const char *kept = getenv("SNA_VIEW");
  char       *wish = strdup(kept ? kept : "");
  SnaView     view;
  SnaDeck     deck;
  PetscInt    every, errors;
  char        said[4096];

  setenv("SNA_VIEW", "/nonexistent/sna_view", 1);
  CaptureStderr(s);
  ViewCreate(s, "insitu: {every: 5}\n", &view, &deck);
  OK(SnaDeckGetErrorCount(deck, &errors));
  OK(SnaViewGetEvery(view, &every));
  OK(SnaViewOpen(view, "/nonexistent/dir", "plume"));
  (void)SendFrames(view, 2, 9, 1, 0, NULL);
  OK(SnaViewClose(view));
  OK(SnaViewDestroy(&view));
  OK(SnaDeckDestroy(&deck));
  ReleaseStderr(s, sizeof(said), said);
  setenv("SNA_VIEW", wish, 1);
  free(wish);
  assert_int_equal(errors, 0);
  assert_int_equal(every, 0);
  assert_int_equal(CountLines(said), s->rank == 0 ? 1 : 0);
  if (s->rank == 0) assert_non_null(strstr(said, "in situ: there is no /nonexistent/sna_view"));
}

static void test_no_folder(void **state)
{
  Scene  *s = (Scene *)*state;
  SnaView view;
  SnaDeck deck;
  char    said[4096], dir[192];

  CaptureStderr(s);
  ViewCreate(s, "insitu: {every: 5}\n", &view, &deck);
  snprintf(dir, sizeof(dir), "%s/pictures", s->deck); // below a file
  OK(SnaViewOpen(view, dir, "plume"));
  (void)SendFrames(view, 2, 9, 3, 0, NULL);
  OK(SnaViewClose(view));
  OK(SnaViewDestroy(&view));
  OK(SnaDeckDestroy(&deck));
  ReleaseStderr(s, sizeof(said), said);
  assert_int_equal(CountLines(said), s->rank == 0 ? 1 : 0);
  if (s->rank == 0) assert_non_null(strstr(said, "a.deck/pictures (Not a directory)"));
}

static void test_deck_errors(void **state)
{
  Scene   *s = (Scene *)*state;
  SnaView  view;
  SnaDeck  deck;
  PetscInt errors;
  char     said[4096];

  CaptureStderr(s);
  ViewCreate(s, "insitu:\n  every: -1\n  script: no_such_script.py\n  size: [640]\n  timeout: 0\n", &view, &deck);
  OK(SnaDeckGetErrorCount(deck, &errors));
  OK(SnaDeckReport(deck));
  OK(SnaViewDestroy(&view));
  OK(SnaDeckDestroy(&deck));
  ReleaseStderr(s, sizeof(said), said);
  assert_int_equal(errors, 4);
  if (s->rank == 0) {
    assert_non_null(strstr(said, "a.deck:3: "));
    assert_non_null(strstr(said, "a.deck:4: `insitu: script`: cannot read `no_such_script.py`"));
    assert_non_null(strstr(said, "a.deck:5: `insitu: size` must be width and height"));
    assert_non_null(strstr(said, "a.deck:6: "));
  }
}

static void test_backends(void **state)
{
  Scene   *s = (Scene *)*state;
  SnaView  view;
  SnaDeck  deck;
  PetscInt errors, every;

  ViewCreate(s, "insitu: {every: 5, backend: none}\n", &view, &deck);
  OK(SnaViewGetEvery(view, &every));
  assert_int_equal(every, 0);
  OK(SnaViewDestroy(&view));
  OK(SnaDeckDestroy(&deck));
  ViewCreate(s, "insitu: {every: 5, backend: catalyst}\n", &view, &deck);
  OK(SnaDeckGetErrorCount(deck, &errors));
  assert_int_equal(errors, SNA_HAVE_CATALYST ? 0 : 1);
  OK(SnaViewDestroy(&view));
  OK(SnaDeckDestroy(&deck));
}

// ---------------------------------------------------------------------------------------------------------------------
// Driver of the real view
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode Drive(char **word)
{
  SnaView   view;
  SnaDeck   deck;
  TestFrame f;
  PetscInt  errors, every;
  const int naxis = atoi(word[2]), points = atoi(word[3]), frames = atoi(word[4]);
  double    sending = 0, worst = 0, start, closing;

  PetscFunctionBeginUser;
  PetscCall(SnaStopInstall());
  PetscCall(SnaDeckCreate(PETSC_COMM_WORLD, word[0], 0, NULL, &deck));
  PetscCall(SnaDeckAddOptions(deck, "Pictures", SnaViewOptions));
  PetscCall(SnaViewCreate(PETSC_COMM_WORLD, &view));
  PetscCall(SnaViewSetFromOptions(view, deck));
  PetscCall(SnaDeckGetErrorCount(deck, &errors));
  PetscCall(SnaViewGetEvery(view, &every));
  if (errors)
    PetscCall(SnaDeckReport(deck));
  else if (every > 0) {
    start = Now();
    PetscCall(SnaViewOpen(view, word[1], "moving_plume"));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "result insitu_open %.6f\n", Now() - start));
    for (PetscInt i = 0; i < frames; i += every) {
      double took;
      FrameCreate("mid", naxis, points, i, &f);
      took = -Now();
      PetscCall(SnaViewSend(view, &f.frame));
      took += Now();
      sending += took;
      worst = took > worst ? took : worst;
      FrameDestroy(&f);
      Nap(1e-3 * atof(word[5]));
    }
    closing = -Now();
    PetscCall(SnaViewClose(view));
    closing += Now();
    PetscCall(PetscPrintf(PETSC_COMM_WORLD,
      "result insitu_send_mean %.6f\nresult insitu_send_worst %.6f\nresult insitu_close %.6f\n",
      sending / frames * (double)every, worst, closing));
  }
  PetscCall(SnaViewDestroy(&view));
  PetscCall(SnaDeckDestroy(&deck));
  PetscCall(PetscFinalize());
  exit(errors ? SNA_EXIT_USAGE : SNA_EXIT_SOLVED);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_frames_arrive, SceneSetUp, SceneTearDown),
    cmocka_unit_test_setup_teardown(test_slow_view, SceneSetUp, SceneTearDown),
    cmocka_unit_test_setup_teardown(test_killed_view, SceneSetUp, SceneTearDown),
    cmocka_unit_test_setup_teardown(test_killed_view_at_close, SceneSetUp, SceneTearDown),
    cmocka_unit_test_setup_teardown(test_hanging_view, SceneSetUp, SceneTearDown),
    cmocka_unit_test_setup_teardown(test_hanging_view_at_close, SceneSetUp, SceneTearDown),
    cmocka_unit_test_setup_teardown(test_failing_view, SceneSetUp, SceneTearDown),
    cmocka_unit_test_setup_teardown(test_destroy_without_close, SceneSetUp, SceneTearDown),
    cmocka_unit_test_setup_teardown(test_no_view_program, SceneSetUp, SceneTearDown),
    cmocka_unit_test_setup_teardown(test_no_folder, SceneSetUp, SceneTearDown),
    cmocka_unit_test_setup_teardown(test_deck_errors, SceneSetUp, SceneTearDown),
    cmocka_unit_test_setup_teardown(test_backends, SceneSetUp, SceneTearDown),
  };
  char    self[4096];
  ssize_t length;
  int     failures;

  if (argc > 1 && !strcmp(argv[1], "--frames")) return PlayView(argc, argv);
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  if (argc == 8 && !strcmp(argv[1], "--drive")) return (int)Drive(argv + 2);
  PetscCall(SnaStopInstall());
  length                        = readlink("/proc/self/exe", self, sizeof(self) - 1);
  self[length > 0 ? length : 0] = 0;
  setenv("SNA_VIEW", self, 1);
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
