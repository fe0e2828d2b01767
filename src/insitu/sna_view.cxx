// sna_view - draws the frames of a running sna_solver with ParaView.
//
// A program of its own because Debian's ParaView is built with another MPI than the solver. It reads frames (frame_protocol.h) from a
// descriptor, puts each on the Catalyst channel named after its slice, and runs a Catalyst (V2) Python script on it.
//
//   main thread     ParaView and the script; one frame at a time; a reply after each
//   reader thread   empties the pipe at once, from the first moment on, so that the solver never waits for ParaView to start or to draw
//
// Frames that wait: at most max_waiting per slice. When one more comes while the solver still computes, every second waiting frame of
// that slice is passed over, so that the pictures stay spread over the run and the newest is always kept. After the end of the stream
// nothing is dropped.
//
// The script gets its arguments (--dir, --case, --size) from paraview.catalyst.get_args() and, with each frame, "slice=", "caption=",
// "axes=x,y", "fields=u" from paraview.catalyst.get_execute_params(); the grid also holds the first three as field data.
#include "frame_protocol.h"
#include "sna_config.h"

#include <vtkCLIOptions.h>
#include <vtkDoubleArray.h>
#include <vtkFieldData.h>
#include <vtkImageData.h>
#include <vtkInSituInitializationHelper.h>
#include <vtkInSituPipelinePython.h>
#include <vtkLogger.h>
#include <vtkNew.h>
#include <vtkObjectFactory.h>
#include <vtkPVTrivialProducer.h>
#include <vtkPointData.h>
#include <vtkProcessModule.h>
#include <vtkProcessModuleConfiguration.h>
#include <vtkSMProxyManager.h>
#include <vtkSMSessionProxyManager.h>
#include <vtkSMSourceProxy.h>
#include <vtkSmartPointer.h>
#include <vtkStringArray.h>
#include <vtkVersion.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <map>
#include <memory>
#include <mutex>
#include <poll.h>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {
const char *const usage =
  "usage: sna_view --self-test DIR [--script FILE] [--size WxH]\n"
  "       sna_view --frames FD --replies FD --script FILE --dir DIR --case NAME [--size WxH]\n"
  "\n"
  "Draws the frames of a running sna_solver with ParaView. The solver starts it by itself, in the second form: it "
  "reads\n"
  "frames from one descriptor, answers on the other, and runs the Catalyst (V2) Python script on each frame.\n"
  "--self-test draws three frames of its own, one, two and three axes, into DIR: a check that pictures work on this "
  "machine.\n"
  "\n"
  "  --script FILE   Python script (default: postproc/insitu/slices.py)\n"
  "  --dir DIR       where the pictures go\n"
  "  --case NAME     title of the pictures\n"
  "  --size WxH      pixels, default 1280x720\n"
  "  --version, --help\n";

constexpr std::size_t max_waiting       = 32;                   // frames per slice
constexpr std::size_t max_waiting_bytes = std::size_t(1) << 29; // over all slices

struct Frame {
  SnaFrameHeader           header{};
  std::string              slice, caption;
  std::vector<std::string> axis, field;
  std::vector<double>      data;
};

// What the reader thread and the main thread share.
class FrameQueue {
public:
  void Push(std::unique_ptr<Frame> frame)
  {
    std::lock_guard<std::mutex> lock(this->Mutex);
    std::size_t                 same = 0;
    for (const auto &f : this->Waiting) { same += f->slice == frame->slice; }
    this->Bytes += frame->data.size() * sizeof(double);
    if (same >= max_waiting || this->Bytes > max_waiting_bytes) { this->Thin(frame->slice); }
    this->Waiting.push_back(std::move(frame));
    this->Changed.notify_one();
  }
  void Finish(const std::string &error)
  {
    std::lock_guard<std::mutex> lock(this->Mutex);
    this->Finished = true;
    this->Error    = error;
    this->Changed.notify_one();
  }
  // The next frame, or nothing at the end of the stream.
  std::unique_ptr<Frame> Pop()
  {
    std::unique_lock<std::mutex> lock(this->Mutex);
    this->Changed.wait(lock, [this] { return this->Finished || !this->Waiting.empty(); });
    if (this->Waiting.empty()) { return nullptr; }
    auto frame = std::move(this->Waiting.front());
    this->Waiting.pop_front();
    this->Bytes -= frame->data.size() * sizeof(double);
    return frame;
  }
  std::uint64_t GetDropped()
  {
    std::lock_guard<std::mutex> lock(this->Mutex);
    return this->Dropped;
  }
  std::string GetError()
  {
    std::lock_guard<std::mutex> lock(this->Mutex);
    return this->Error;
  }

private:
  void Thin(const std::string &slice)
  {
    std::deque<std::unique_ptr<Frame>> kept;
    bool                               keep = false;
    for (auto &f : this->Waiting) {
      if (f->slice == slice && !(keep = !keep)) {
        this->Bytes -= f->data.size() * sizeof(double);
        ++this->Dropped;
      } else {
        kept.push_back(std::move(f));
      }
    }
    this->Waiting.swap(kept);
  }
  std::mutex                         Mutex;
  std::condition_variable            Changed;
  std::deque<std::unique_ptr<Frame>> Waiting;
  std::size_t                        Bytes    = 0;
  std::uint64_t                      Dropped  = 0;
  bool                               Finished = false;
  std::string                        Error;
};

// 1: all bytes read; 0: end of file before the first byte; -1: broken off.
int ReadAll(int fd, void *buffer, std::size_t bytes)
{
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got = read(fd, static_cast<char *>(buffer) + done, bytes - done);
    if (got < 0 && errno == EINTR) { continue; }
    if (got <= 0) { return got == 0 && done == 0 ? 0 : -1; }
    done += static_cast<std::size_t>(got);
  }
  return 1;
}

// Reads one message. Returns 1 for a frame, 0 for the end; -1 with `error` set otherwise.
int ReadFrame(int fd, Frame &frame, std::string &error)
{
  SnaFrameHeader &h   = frame.header;
  const int       got = ReadAll(fd, &h, sizeof(h));
  if (got <= 0) {
    error = "the solver ended without closing the stream of frames";
    return -1;
  }
  if (std::memcmp(h.magic, SNA_FRAME_MAGIC, sizeof(h.magic)) != 0 || h.version != SNA_FRAME_VERSION) {
    error = "the frames are not of this version: sna_solver and sna_view come from different builds";
    return -1;
  }
  if (h.kind == SNA_FRAME_END) { return 0; }
  bool good = h.kind == SNA_FRAME_DATA && h.naxis >= 1 && h.naxis <= 3 && h.nfield >= 1 &&
              h.nfield <= SNA_FRAME_MAX_FIELDS && h.text_bytes >= 1 && h.text_bytes <= SNA_FRAME_MAX_TEXT;
  double points = 1;
  for (unsigned a = 0; a < 3; ++a) {
    good = good && h.n[a] >= 1 && h.n[a] <= INT32_MAX && (a < h.naxis || h.n[a] == 1);
    points *= static_cast<double>(h.n[a]);
  }
  if (!good || points * h.nfield * sizeof(double) != static_cast<double>(h.data_bytes)) {
    error = "a frame's header is damaged";
    return -1;
  }
  std::string text(h.text_bytes, '\0');
  frame.data.resize(h.data_bytes / sizeof(double));
  if (ReadAll(fd, &text[0], text.size()) != 1 || ReadAll(fd, frame.data.data(), h.data_bytes) != 1) {
    error = "the solver ended in the middle of a frame";
    return -1;
  }
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size() && text.back() == '\0'; at += words.back().size() + 1) {
    words.emplace_back(text.c_str() + at);
  }
  if (words.size() != 2 + h.naxis + h.nfield) {
    error = "a frame's text is damaged";
    return -1;
  }
  frame.slice   = words[0];
  frame.caption = words[1];
  frame.axis.assign(words.begin() + 2, words.begin() + 2 + h.naxis);
  frame.field.assign(words.begin() + 2 + h.naxis, words.end());
  return 1;
}

void ReadFrames(int fd, FrameQueue &queue)
{
  for (;;) {
    std::unique_ptr<Frame> frame(new Frame);
    std::string            error;
    const int              got = ReadFrame(fd, *frame, error);
    if (got != 1) {
      queue.Finish(error);
      return;
    }
    queue.Push(std::move(frame));
  }
}

// The script as a pipeline. ExecutePipelines() returns true whatever the script does, so the outcome is kept here.
class ScriptPipeline : public vtkInSituPipelinePython {
public:
  static ScriptPipeline *New();
  vtkTypeMacro(ScriptPipeline, vtkInSituPipelinePython);
  bool Initialize() override
  {
    const bool good = this->Superclass::Initialize();
    this->Failed    = !good;
    return good;
  }
  bool Execute(int step, double time) override
  {
    const bool good = this->Superclass::Execute(step, time);
    this->Failed    = this->Failed || !good;
    return good;
  }
  bool Failed = false;
};
vtkStandardNewMacro(ScriptPipeline)

  void AddText(vtkFieldData *fields, const char name[], const std::vector<std::string> &values)
{
  vtkNew<vtkStringArray> array;
  array->SetName(name);
  for (const auto &value : values) { array->InsertNextValue(value); }
  fields->AddArray(array);
}

vtkSmartPointer<vtkImageData> MakeGrid(const Frame &frame)
{
  const SnaFrameHeader &h          = frame.header;
  auto                  grid       = vtkSmartPointer<vtkImageData>::New();
  double                spacing[3] = {1, 1, 1}, origin[3] = {0, 0, 0};
  vtkIdType             points = 1;
  for (unsigned a = 0; a < h.naxis; ++a) {
    origin[a]  = h.lo[a];
    spacing[a] = h.n[a] > 1 ? (h.hi[a] - h.lo[a]) / static_cast<double>(h.n[a] - 1) : 1;
    points *= static_cast<vtkIdType>(h.n[a]);
  }
  grid->SetDimensions(static_cast<int>(h.n[0]), static_cast<int>(h.n[1]), static_cast<int>(h.n[2]));
  grid->SetOrigin(origin);
  grid->SetSpacing(spacing);
  for (unsigned f = 0; f < h.nfield; ++f) {
    vtkNew<vtkDoubleArray> array;
    array->SetName(frame.field[f].c_str());
    array->SetNumberOfTuples(points);
    std::memcpy(array->GetPointer(0),
      frame.data.data() + static_cast<std::size_t>(f) * static_cast<std::size_t>(points),
      static_cast<std::size_t>(points) * sizeof(double));
    grid->GetPointData()->AddArray(array);
  }
  grid->GetPointData()->SetActiveScalars(frame.field[0].c_str());
  AddText(grid->GetFieldData(), "slice", {frame.slice});
  AddText(grid->GetFieldData(), "caption", {frame.caption});
  AddText(grid->GetFieldData(), "axes", frame.axis);
  return grid;
}

std::string Join(const std::vector<std::string> &names)
{
  std::string text;
  for (const auto &name : names) { text += (text.empty() ? "" : ",") + name; }
  return text;
}

// Puts the frame on its channel and runs the script.
bool Draw(const Frame &frame, ScriptPipeline *script, std::string &error)
{
  vtkSMSourceProxy *producer = vtkInSituInitializationHelper::GetProducer(frame.slice);
  if (!producer) {
    auto *pxm = vtkSMProxyManager::GetProxyManager()->GetActiveSessionProxyManager();
    producer  = vtkSMSourceProxy::SafeDownCast(pxm->NewProxy("sources", "PVTrivialProducer"));
    if (!producer) {
      error = "ParaView could not make a data source";
      return false;
    }
    producer->UpdateVTKObjects();
    vtkInSituInitializationHelper::SetProducer(frame.slice, producer);
    producer->Delete();
  }
  auto *source = vtkPVTrivialProducer::SafeDownCast(producer->GetClientSideObject());
  source->SetOutput(MakeGrid(frame), frame.header.time);
  vtkInSituInitializationHelper::MarkProducerModified(producer);
  vtkInSituInitializationHelper::ExecutePipelines(static_cast<int>(frame.header.step), frame.header.time,
    {"slice=" + frame.slice, "caption=" + frame.caption, "axes=" + Join(frame.axis), "fields=" + Join(frame.field)});
  if (script->Failed) { error = std::string("the script ") + script->GetFileName() + " failed"; }
  return !script->Failed;
}

// A display of our own: pictures need an OpenGL context, and Debian's ParaView gets one only from an X server. A private Xvfb is preferred
// to the user's display, which may be forwarded over a network, lack OpenGL, or go away during a long run.
class Display {
public:
  ~Display()
  {
    if (this->Pid > 0) {
      kill(this->Pid, SIGTERM);
      waitpid(this->Pid, nullptr, 0);
    }
  }
  bool Open(const std::string &size, std::string &error)
  {
    int answer[2];
    if (pipe2(answer, O_CLOEXEC) != 0) {
      error = std::string("no pipe: ") + std::strerror(errno);
      return false;
    }
    const std::string fd = std::to_string(answer[1]), screen = size + "x24";
    this->Pid = fork();
    if (this->Pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGTERM); // do not outlive the view, even when it is killed
      fcntl(answer[1], F_SETFD, 0);
      execlp("Xvfb", "Xvfb", "-displayfd", fd.c_str(), "-screen", "0", screen.c_str(), "-nolisten", "tcp", "-noreset",
        nullptr);
      _exit(127);
    }
    close(answer[1]);
    std::string number;
    for (bool more = true; more && number.find('\n') == std::string::npos;) {
      char          buffer[16];
      pollfd        wait = {answer[0], POLLIN, 0};
      const ssize_t got  = poll(&wait, 1, 20000) > 0 ? read(answer[0], buffer, sizeof(buffer)) : 0;
      more               = got > 0;
      number.append(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
    }
    close(answer[0]);
    if (number.find('\n') != std::string::npos) {
      setenv("DISPLAY", (":" + number.substr(0, number.find('\n'))).c_str(), 1);
      return true;
    }
    int status = 0;
    kill(this->Pid, SIGKILL);
    waitpid(this->Pid, &status, 0);
    this->Pid = -1;
    if (std::getenv("DISPLAY")) { return true; }
    error = WIFEXITED(status) && WEXITSTATUS(status) == 127
              ? "pictures need an X display: install Xvfb (Debian package xvfb) or set DISPLAY"
              : "Xvfb did not start, so there is no display for pictures";
    return false;
  }

private:
  pid_t Pid = -1;
};

class Replies {
public:
  explicit Replies(int fd) : Fd(fd)
  {
  }
  void Send(std::uint32_t kind, std::uint64_t drawn, std::uint64_t dropped, const std::string &text = "")
  {
    if (!text.empty()) { std::fprintf(stderr, "sna_view: %s\n", text.c_str()); }
    if (this->Fd >= 0) {
      SnaFrameReply reply{};
      reply.kind    = kind;
      reply.version = SNA_FRAME_VERSION;
      reply.drawn   = drawn;
      reply.dropped = dropped;
      std::snprintf(reply.text, sizeof(reply.text), "%s", text.c_str());
      while (write(this->Fd, &reply, sizeof(reply)) < 0 && errno == EINTR) {}
    }
  }

private:
  int Fd;
};

// Three frames, one for each number of axes, of a Gaussian.
void MakeTestFrames(FrameQueue &queue)
{
  const char *const names[3] = {"x", "y", "z"};
  for (unsigned naxis = 1; naxis <= 3; ++naxis) {
    std::unique_ptr<Frame> frame(new Frame);
    SnaFrameHeader        &h = frame->header;
    h.step                   = 1;
    h.time                   = 0.5;
    h.naxis                  = naxis;
    h.nfield                 = 1;
    for (unsigned a = 0; a < 3; ++a) {
      h.n[a]  = a < naxis ? 65 : 1;
      h.lo[a] = -1;
      h.hi[a] = 1;
    }
    frame->slice   = "test" + std::to_string(naxis) + "d";
    frame->caption = "self test   t = 0.5";
    frame->axis.assign(names, names + naxis);
    frame->field = {"u"};
    for (int k = 0; k < h.n[2]; ++k) {
      for (int j = 0; j < h.n[1]; ++j) {
        for (int i = 0; i < h.n[0]; ++i) {
          const double x = i / 32. - 1.3, y = naxis > 1 ? j / 32. - 1 : 0, z = naxis > 2 ? k / 32. - 1 : 0;
          frame->data.push_back(std::exp(-(x * x + y * y + z * z) / 0.1));
        }
      }
    }
    queue.Push(std::move(frame));
  }
  queue.Finish("");
}

// Warnings and errors of ParaView, except the one it repeats at every frame and that concerns nobody here: steering is not built in.
void WriteLog(void *, const vtkLogger::Message &message)
{
  if (!std::strstr(message.message, "IOCatalystConduit is disabled")) {
    std::fprintf(stderr, "%s%s\n", message.preamble, message.message);
  }
}

bool IsFile(const std::string &path)
{
  return access(path.c_str(), R_OK) == 0;
}

struct Options {
  std::string script, dir, title, size = "1280x720";
  int         frames = -1, replies = -1;
  bool        test = false;
};

// Returns -1 to go on, otherwise the exit code.
int ReadOptions(int argc, char **argv, Options &o)
{
  for (int i = 1; i < argc; ++i) {
    const std::string key = argv[i];
    if (key == "--help" || key == "-help" || key == "-h") {
      std::fputs(usage, stdout);
      return 0;
    }
    if (key == "--version" || key == "-version") {
      std::printf(
        "sna_view %s (%s), ParaView libraries with VTK %s\n", SNA_VERSION, SNA_GIT_HASH, vtkVersion::GetVTKVersion());
      return 0;
    }
    std::string *text   = key == "--script"                        ? &o.script
                          : key == "--dir" || key == "--self-test" ? &o.dir
                          : key == "--case"                        ? &o.title
                          : key == "--size"                        ? &o.size
                                                                   : nullptr;
    int         *number = key == "--frames" ? &o.frames : key == "--replies" ? &o.replies : nullptr;
    o.test              = o.test || key == "--self-test";
    if ((!text && !number) || i + 1 == argc) {
      std::fprintf(
        stderr, "sna_view: %s %s\n%s", key.c_str(), text || number ? "needs a value" : "is not an option", usage);
      return 2;
    }
    ++i;
    if (text) {
      *text = argv[i];
    } else {
      *number = std::atoi(argv[i]);
    }
  }
  if (o.script.empty()) {
    o.script = SNA_DATA_BUILD "/postproc/insitu/slices.py";
    if (!IsFile(o.script)) { o.script = SNA_DATA_INSTALL "/postproc/insitu/slices.py"; }
  }
  unsigned width = 0, height = 0;
  char     rest = 0;
  if (std::sscanf(o.size.c_str(), "%ux%u%c", &width, &height, &rest) != 2 || !width || !height || width > 16384 ||
      height > 16384) {
    std::fprintf(stderr, "sna_view: --size %s: expected WIDTHxHEIGHT in pixels\n", o.size.c_str());
    return 2;
  }
  if (o.dir.empty() || (!o.test && (o.frames < 0 || o.replies < 0))) {
    std::fprintf(stderr, "sna_view is started by sna_solver; by hand, try --self-test DIR\n%s", usage);
    return 2;
  }
  return -1;
}

// The view is one process: MPI_Init() would only cost time, and leave Open MPI's session folder behind when the view is killed.
void KeepMpiOut()
{
  char   name[] = "sna_view", option[] = "--no-mpi";
  char  *words[] = {name, option, nullptr};
  char **argv    = words;
  int    argc    = 2;

  vtkNew<vtkCLIOptions> options;
  vtkProcessModuleConfiguration::GetInstance()->PopulateOptions(options, vtkProcessModule::PROCESS_BATCH);
  options->Parse(argc, argv);
}

// The solver's other open files (results, sockets of MPI) are none of our business: holding them would keep them alive.
void CloseForeignDescriptors(const Options &o)
{
  for (int fd = 3; fd < 1024; ++fd) {
    if (fd != o.frames && fd != o.replies) { close(fd); }
  }
}
} // namespace

int main(int argc, char **argv)
{
  Options   options;
  const int code = ReadOptions(argc, argv, options);
  if (code >= 0) { return code; }
  std::signal(SIGPIPE, SIG_IGN);       // a dead solver shows as an error of write()
  setpriority(PRIO_PROCESS, 0, 5);     // where processors are scarce, the solver comes first
  FrameQueue &queue = *new FrameQueue; // never freed: the reader thread may outlive this function
  Replies     replies(options.replies);
  std::thread reader;
  if (options.test) {
    mkdir(options.dir.c_str(), 0777);
    MakeTestFrames(queue);
  } else {
    CloseForeignDescriptors(options);
    fcntl(options.frames, F_SETFD, FD_CLOEXEC);
    fcntl(options.replies, F_SETFD, FD_CLOEXEC);
    reader = std::thread(ReadFrames, options.frames, std::ref(queue));
    reader.detach(); // may be waiting in read() when the main thread gives up
  }

  std::string error;
  Display     display;
  if (!IsFile(options.script)) { error = "cannot read the script " + options.script; }
  std::uint64_t drawn = 0;
  if (!error.empty() || !display.Open(options.size, error)) {
    replies.Send(SNA_REPLY_FAILED, 0, 0, error);
    return 1;
  }
  vtkLogger::SetStderrVerbosity(vtkLogger::VERBOSITY_OFF);
  vtkLogger::AddCallback("sna_view", WriteLog, nullptr, vtkLogger::VERBOSITY_WARNING);
  KeepMpiOut();
  vtkInSituInitializationHelper::Initialize(0);
  vtkNew<ScriptPipeline> script;
  script->SetFileName(options.script.c_str());
  script->SetArguments(
    {"--dir", options.dir, "--case", options.title.empty() ? "self test" : options.title, "--size", options.size});
  vtkInSituInitializationHelper::AddPipeline(script);
  replies.Send(SNA_REPLY_READY, 0, 0);

  double seconds = 0;
  while (auto frame = queue.Pop()) {
    const auto start = std::chrono::steady_clock::now();
    if (!Draw(*frame, script, error)) {
      replies.Send(SNA_REPLY_FAILED, drawn, queue.GetDropped(), error);
      break;
    }
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    seconds += took;
    std::printf(
      "frame %s step %lld drawn in %.3f s\n", frame->slice.c_str(), static_cast<long long>(frame->header.step), took);
    std::fflush(stdout);
    replies.Send(SNA_REPLY_DRAWN, ++drawn, queue.GetDropped());
  }
  if (error.empty()) {
    error = queue.GetError();
    vtkInSituInitializationHelper::Finalize();
    std::printf("%llu frames drawn in %.2f s, %llu passed over%s%s\n", static_cast<unsigned long long>(drawn), seconds,
      static_cast<unsigned long long>(queue.GetDropped()), error.empty() ? "" : "; ", error.c_str());
    std::fflush(stdout);
    replies.Send(SNA_REPLY_BYE, drawn, queue.GetDropped());
  }
  return error.empty() ? 0 : 1;
}
