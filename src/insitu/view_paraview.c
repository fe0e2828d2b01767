// view_paraview.c - back end `paraview`: rank 0 starts the program sna_view and writes frames to it through a pipe (frame_protocol.h).
//
//   solver, rank 0                               sna_view
//   SnaViewSend -> queue -> pipe --frames------> reader thread -> waiting frames -> ParaView -> PNG
//                          pipe <--replies------ after each frame: totals drawn and dropped
//
// The solver never waits while it computes: the pipe is written without blocking, what does not fit is queued here (at most
// max_queued bytes, beyond that a frame is passed over), and the start of the program is not waited for. sna_view empties the pipe at once
// and decides which waiting frames to pass over. Only SnaViewClose waits, and as long as there is progress.
//
// The child gets none of the launcher's variables: its ParaView brings an MPI of its own, which must not take itself for a rank of this run.
#define _GNU_SOURCE // pipe2, F_SETPIPE_SZ, environ
#include "view_impl.h"
#include "frame_protocol.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const size_t max_queued = (size_t)256 << 20; // bytes
static const int    pipe_bytes = 1 << 20;           // seven slices of 129 x 129 points
static const int    patience   = 5; // milliseconds that one send may wait for a view that is known to read

typedef struct {
  pid_t     pid;    // 0: not running
  int       frames; // write end
  int       replies;
  char     *queue; // bytes queue[begin..end) are still to be written
  size_t    begin, end, capacity;
  uint64_t  sent, drawn, dropped; // frames: given to the queue, drawn by the view, passed over by the view
  uint64_t  refused;              // frames passed over here because the queue was full
  double    progress;             // time of the last sign of life, or since when there has been something to do
  PetscBool ready, bye;
  PetscBool full;                                        // the pipe was full when last written to
  char      failure[sizeof(((SnaFrameReply *)0)->text)]; // what the view said went wrong
} Child;

static double Now(void)
{
  struct timespec t;

  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Environment for the child: ours without the launcher's variables. Free with PetscFree; the strings are borrowed.
static PetscErrorCode MakeEnvironment(char ***environment)
{
  static const char *const dropped[] = {"PMI", "MPI", "HYD", "OMPI_", "OPAL_", "PRTE_", "SLURM"};
  size_t                   n = 0, kept = 0;

  PetscFunctionBeginUser;
  while (environ[n]) n++;
  PetscCall(PetscMalloc1(n + 1, environment));
  for (size_t i = 0; i < n; i++) {
    PetscBool keep = PETSC_TRUE;
    for (size_t k = 0; k < sizeof(dropped) / sizeof(dropped[0]); k++) {
      if (!strncmp(environ[i], dropped[k], strlen(dropped[k]))) keep = PETSC_FALSE;
    }
    if (keep) (*environment)[kept++] = environ[i];
  }
  (*environment)[kept] = NULL;
  PetscFunctionReturn(0);
}

static void CloseDescriptor(int *fd)
{
  if (*fd >= 0) (void)close(*fd);
  *fd = -1;
}

// A descriptor that the child's fixed numbers 3 and 4 cannot collide with.
static int MoveUp(int fd)
{
  const int up = fcntl(fd, F_DUPFD_CLOEXEC, 10);

  (void)close(fd);
  return up;
}

// Starts the program; returns 0 or an error number.
static PetscErrorCode Start(SnaView view, Child *child, int *error)
{
  int   down[2] = {-1, -1}, up[2] = {-1, -1};
  char  size[64], log[PETSC_MAX_PATH_LEN + 16], **environment;
  char *argv[] = {view->program, (char *)"--frames", (char *)"3", (char *)"--replies", (char *)"4", (char *)"--script",
    view->script, (char *)"--dir", view->dir, (char *)"--case", view->case_name, (char *)"--size", size, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t          attributes;
  sigset_t                   signals;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(size, sizeof(size), "%" PetscInt_FMT "x%" PetscInt_FMT, view->pixels[0], view->pixels[1]));
  PetscCall(PetscSNPrintf(log, sizeof(log), "%s/view.log", view->dir));
  *error = 0;
  if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0) *error = errno;
  for (int i = 0; i < 2 && !*error; i++) {
    down[i] = MoveUp(down[i]);
    up[i]   = MoveUp(up[i]);
    if (down[i] < 0 || up[i] < 0) *error = errno;
  }
  if (!*error) {
    (void)fcntl(down[1], F_SETPIPE_SZ, pipe_bytes); // a wish: the default only means smaller bites
    if (fcntl(down[1], F_SETFL, O_NONBLOCK) != 0 || fcntl(up[0], F_SETFL, O_NONBLOCK) != 0) *error = errno;
  }
  if (!*error) {
    PetscCall(MakeEnvironment(&environment));
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);
    (void)posix_spawn_file_actions_adddup2(&actions, 1, 2);
    (void)posix_spawn_file_actions_adddup2(&actions, down[0], 3);
    (void)posix_spawn_file_actions_adddup2(&actions, up[1], 4);
    (void)posix_spawnattr_init(&attributes);
    // A group of its own: an interrupt from the terminal stops the solver, which then still sends its last pictures.
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)sigemptyset(&signals);
    (void)posix_spawnattr_setsigmask(&attributes, &signals);
    (void)sigfillset(&signals);
    (void)posix_spawnattr_setsigdefault(&attributes, &signals);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    *error = posix_spawn(&child->pid, view->program, &actions, &attributes, argv, environment);
    if (*error) child->pid = 0;
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    PetscCall(PetscFree(environment));
  }
  CloseDescriptor(&down[0]);
  CloseDescriptor(&up[1]);
  child->frames  = down[1];
  child->replies = up[0];
  PetscFunctionReturn(0);
}

// Ends the child if it does not end by itself within `seconds`; returns its status as waitpid() gives it.
static int Reap(Child *child, double seconds)
{
  const struct timespec nap    = {0, 5000000};
  const double          start  = Now();
  int                   status = 0;

  CloseDescriptor(&child->frames);
  while (child->pid > 0) {
    const pid_t got = waitpid(child->pid, &status, WNOHANG);
    if (got == child->pid || (got < 0 && errno != EINTR))
      child->pid = 0;
    else if (Now() - start > seconds) {
      (void)kill(child->pid, SIGKILL);
      while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {}
      child->pid = 0;
    } else
      (void)nanosleep(&nap, NULL);
  }
  CloseDescriptor(&child->replies);
  return status;
}

static PetscErrorCode GiveUpOnChild(SnaView view, Child *child, PetscBool hangs)
{
  const int status = Reap(child, hangs ? 0.0 : 2.0);

  PetscFunctionBeginUser;
  if (child->failure[0])
    PetscCall(SnaViewGiveUp(view, "%s (see %s/view.log)", child->failure, view->dir));
  else if (hangs)
    PetscCall(SnaViewGiveUp(
      view, "sna_view made no progress for %g s and was ended (see %s/view.log)", view->timeout, view->dir));
  else if (WIFSIGNALED(status))
    PetscCall(SnaViewGiveUp(view, "sna_view ended (signal %d, see %s/view.log)", WTERMSIG(status), view->dir));
  else
    PetscCall(SnaViewGiveUp(view, "sna_view ended (exit code %d, see %s/view.log)", WEXITSTATUS(status), view->dir));
  PetscFunctionReturn(0);
}

// Reads what the view has answered so far. *alive is false when it has closed its end or reported a failure.
static void ReadReplies(Child *child, PetscBool *alive)
{
  SnaFrameReply reply;

  *alive = PETSC_TRUE;
  for (;;) {
    const ssize_t got = read(child->replies, &reply, sizeof(reply));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got != (ssize_t)sizeof(reply) || reply.version != SNA_FRAME_VERSION) {
      *alive = PETSC_FALSE;
      return;
    }
    child->progress = Now();
    child->drawn    = reply.drawn;
    child->dropped  = reply.dropped;
    child->ready    = PETSC_TRUE;
    if (reply.kind == SNA_REPLY_FAILED) {
      reply.text[sizeof(reply.text) - 1] = 0;
      memcpy(child->failure, reply.text, sizeof(reply.text));
      *alive = PETSC_FALSE;
      return;
    }
    if (reply.kind == SNA_REPLY_BYE) {
      child->bye = PETSC_TRUE;
      return;
    }
  }
}

// Writes what the pipe takes. When it is full, waits at most `milliseconds` for a view that reads, and not at all for one that has read
// nothing since the last time. *alive is false when nobody reads any more.
static void WriteQueue(Child *child, int milliseconds, PetscBool *alive)
{
  double deadline = child->full ? 0 : Now() + 1e-3 * milliseconds;

  *alive = PETSC_TRUE;
  while (child->begin < child->end) {
    const ssize_t put = write(child->frames, child->queue + child->begin, child->end - child->begin);
    if (put > 0) {
      child->begin += (size_t)put;
      if (child->full) { // it has read since then
        child->progress = Now();
        deadline        = Now() + 1e-3 * milliseconds;
      }
      child->full = PETSC_FALSE;
    } else if (put < 0 && errno == EPIPE) {
      *alive = PETSC_FALSE;
      return;
    } else if (put < 0 && errno != EINTR) { // full
      struct pollfd room = {child->frames, POLLOUT, 0};
      const int     left = (int)(1e3 * (deadline - Now()));
      child->full        = PETSC_TRUE;
      if (left <= 0 || poll(&room, 1, left) <= 0) return;
    }
  }
  child->begin = child->end = 0;
}

static PetscErrorCode Enqueue(Child *child, const void *bytes, size_t n)
{
  PetscFunctionBeginUser;
  if (child->end + n > child->capacity) {
    const size_t waiting = child->end - child->begin;
    char        *larger;
    PetscCall(PetscMalloc1(2 * waiting + n + 4096, &larger));
    if (waiting) memcpy(larger, child->queue + child->begin, waiting);
    PetscCall(PetscFree(child->queue));
    child->queue    = larger;
    child->capacity = 2 * waiting + n + 4096;
    child->begin    = 0;
    child->end      = waiting;
  }
  if (n) memcpy(child->queue + child->end, bytes, n);
  child->end += n;
  PetscFunctionReturn(0);
}

static PetscErrorCode EnqueueFrame(Child *child, const SnaFrame *frame)
{
  SnaFrameHeader header  = {.version = SNA_FRAME_VERSION,
     .kind                           = SNA_FRAME_DATA,
     .step                           = frame->step,
     .time                           = frame->time,
     .naxis                          = (uint32_t)frame->naxis,
     .nfield                         = (uint32_t)frame->nfield};
  const char    *caption = frame->caption ? frame->caption : "";
  size_t         points = 1, text = strlen(frame->slice) + strlen(caption) + 2;

  PetscFunctionBeginUser;
  memcpy(header.magic, SNA_FRAME_MAGIC, sizeof(header.magic));
  for (int a = 0; a < 3; a++) {
    header.n[a]  = a < frame->naxis ? frame->n[a] : 1;
    header.lo[a] = a < frame->naxis ? frame->lo[a] : 0;
    header.hi[a] = a < frame->naxis ? frame->hi[a] : 0;
    points *= (size_t)header.n[a];
    if (a < frame->naxis) text += strlen(frame->axis[a]) + 1;
  }
  for (int f = 0; f < frame->nfield; f++) text += strlen(frame->field[f]) + 1;
  PetscCheck(frame->nfield <= (int)SNA_FRAME_MAX_FIELDS && text <= SNA_FRAME_MAX_TEXT, PETSC_COMM_SELF,
    PETSC_ERR_ARG_OUTOFRANGE, "too many fields or too much text in a frame");
  header.text_bytes = text;
  header.data_bytes = points * (size_t)frame->nfield * sizeof(double);
  if (child->end - child->begin + header.data_bytes > max_queued) {
    child->refused++;
    PetscFunctionReturn(0);
  }
  if (child->sent == child->drawn + child->dropped) child->progress = Now(); // idle until now
  child->sent++;
  PetscCall(Enqueue(child, &header, sizeof(header)));
  PetscCall(Enqueue(child, frame->slice, strlen(frame->slice) + 1));
  PetscCall(Enqueue(child, caption, strlen(caption) + 1));
  for (int a = 0; a < frame->naxis; a++) PetscCall(Enqueue(child, frame->axis[a], strlen(frame->axis[a]) + 1));
  for (int f = 0; f < frame->nfield; f++) PetscCall(Enqueue(child, frame->field[f], strlen(frame->field[f]) + 1));
  for (int f = 0; f < frame->nfield; f++) PetscCall(Enqueue(child, frame->data[f], points * sizeof(double)));
  PetscFunctionReturn(0);
}

// Looks after the child: replies, the queue, its end, a hang.
static PetscErrorCode Attend(SnaView view, Child *child, int milliseconds)
{
  PetscBool alive, reads = PETSC_TRUE;

  PetscFunctionBeginUser;
  ReadReplies(child, &alive);
  if (alive && !child->bye) WriteQueue(child, child->ready ? milliseconds : 0, &reads);
  if (alive && !reads) ReadReplies(child, &alive); // its last words, if any
  if (!alive || (!reads && !child->bye))
    PetscCall(GiveUpOnChild(view, child, PETSC_FALSE));
  else if (!child->bye && (!child->ready || child->sent > child->drawn + child->dropped) &&
           Now() - child->progress > view->timeout)
    PetscCall(GiveUpOnChild(view, child, PETSC_TRUE));
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaViewOpen_ParaView(SnaView view)
{
  Child *child;
  int    error;

  PetscFunctionBeginUser;
  if (view->rank != 0) {
    view->given_up = PETSC_TRUE; // only rank 0 has anything to do
    PetscFunctionReturn(0);
  }
  PetscCall(PetscNew(&child));
  view->data    = child;
  child->frames = child->replies = -1;
  child->progress                = Now();
  PetscCall(Start(view, child, &error));
  if (error) PetscCall(SnaViewGiveUp(view, "cannot start %s (%s)", view->program, strerror(error)));
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaViewSend_ParaView(SnaView view, const SnaFrame *frame)
{
  Child *child = (Child *)view->data;

  PetscFunctionBeginUser;
  PetscCall(EnqueueFrame(child, frame));
  PetscCall(Attend(view, child, patience));
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaViewClose_ParaView(SnaView view)
{
  Child         *child = (Child *)view->data;
  SnaFrameHeader end   = {.version = SNA_FRAME_VERSION, .kind = SNA_FRAME_END};

  PetscFunctionBeginUser;
  memcpy(end.magic, SNA_FRAME_MAGIC, sizeof(end.magic));
  PetscCall(Enqueue(child, &end, sizeof(end)));
  child->progress = Now();
  while (!view->given_up && !child->bye) {
    struct pollfd wait[2] = {{child->replies, POLLIN, 0}, {child->begin < child->end ? child->frames : -1, POLLOUT, 0}};
    (void)poll(wait, 2, 200);
    // The wait is over when the last frame is drawn, so a hang is measured from the last reply also when no frame is left: leaving counts as work.
    if (Now() - child->progress > view->timeout)
      PetscCall(GiveUpOnChild(view, child, PETSC_TRUE));
    else
      PetscCall(Attend(view, child, 0));
  }
  if (!view->given_up) {
    (void)Reap(child, 5.0);
    const uint64_t passed = child->dropped + child->refused;
    PetscCall(PetscFPrintf(
      PETSC_COMM_SELF, PETSC_STDOUT, "in situ: %llu pictures in %s", (unsigned long long)child->drawn, view->dir));
    if (passed)
      PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDOUT, ", %llu frames passed over because newer ones had come",
        (unsigned long long)passed));
    PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDOUT, "\n"));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaViewDestroy_ParaView(SnaView view)
{
  Child *child = (Child *)view->data;

  PetscFunctionBeginUser;
  if (!child) PetscFunctionReturn(0);
  (void)Reap(child, 0.0);
  PetscCall(PetscFree(child->queue));
  PetscCall(PetscFree(view->data));
  PetscFunctionReturn(0);
}

const SnaViewOps SnaViewOps_ParaView = {
  "paraview", SnaViewOpen_ParaView, SnaViewSend_ParaView, SnaViewClose_ParaView, SnaViewDestroy_ParaView};
