// khronos_export.c - a trained model as a text for other programs: <case>_model.c, one C99 function without dependencies, and <case>_model.json, the same
// numbers with names.
//
//   void <case>_predict(const double x[], double y[])     x: inputs, y: targets, or the probabilities of the classes, all in physical units
//
// Both follow SnaSeparable's order of parameters (sna/learn.h). The C file evaluates the splines by their recurrence (Piegl & Tiller, The NURBS Book, A2.2),
// products and cores by plain loops: short rather than fast. Its values agree with the program's to round-off. The format of the JSON file is described
// in doc/khronos.md.
//
// Stages before the inputs (wavelet, principal components) are not exported: inputs of such a model are the components.
#include "khronos_run.h"
#include <sna_config.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct { // a growing text
  size_t n, capacity;
  char  *data;
} Text;

static PetscErrorCode Add(Text *t, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);
static PetscErrorCode Add(Text *t, const char format[], ...)
{
  va_list args;
  int     length;

  PetscFunctionBeginUser;
  va_start(args, format);
  length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (t->n + (size_t)length + 1 > t->capacity) {
    t->capacity = 2 * t->capacity + (size_t)length + 4096;
    PetscCall(PetscRealloc(t->capacity, &t->data));
  }
  va_start(args, format);
  vsnprintf(t->data + t->n, t->capacity - t->n, format, args);
  va_end(args);
  t->n += (size_t)length;
  PetscFunctionReturn(0);
}

// `n` numbers between open and close, five in a row.
static PetscErrorCode AddNumbers(Text *t, const char open[], PetscInt n, const double value[], const char close[])
{
  PetscFunctionBeginUser;
  PetscCall(Add(t, "%s", open));
  for (PetscInt i = 0; i < n; i++) PetscCall(Add(t, "%s%s%.17g", i ? "," : "", i % 5 ? " " : "\n  ", value[i]));
  PetscCall(Add(t, "%s", close));
  PetscFunctionReturn(0);
}

static PetscErrorCode AddInts(Text *t, const char open[], PetscInt n, const PetscInt value[], const char close[])
{
  PetscFunctionBeginUser;
  PetscCall(Add(t, "%s", open));
  for (PetscInt i = 0; i < n; i++) PetscCall(Add(t, "%s%" PetscInt_FMT, i ? ", " : "", value[i]));
  PetscCall(Add(t, "%s", close));
  PetscFunctionReturn(0);
}

// Products of a function: subset and output of each (-1: of all, weighted).
typedef struct {
  PetscInt  n;
  uint32_t *mask;
  PetscInt *owner;
} Modes;

static PetscErrorCode ModesCreate(const SnaSeparableOptions *o, Modes *m)
{
  const SnaInteraction *in     = &o->interaction;
  const PetscInt        copies = o->learned ? 1 : o->nout;
  PetscInt              per    = 0;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < in->nsubset; k++) per += in->rank[k];
  m->n = copies * per;
  PetscCall(PetscMalloc2(m->n, &m->mask, m->n, &m->owner));
  for (PetscInt c = 0, i = 0; c < copies; c++)
    for (PetscInt k = 0; k < in->nsubset; k++)
      for (PetscInt r = 0; r < in->rank[k]; r++, i++) {
        m->mask[i]  = in->subset[k];
        m->owner[i] = o->learned ? -1 : c;
      }
  PetscFunctionReturn(0);
}

static PetscErrorCode ModesDestroy(Modes *m)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree2(m->mask, m->owner));
  PetscFunctionReturn(0);
}

// Inner ranks r[0..nd] of a tensor train, from the sizes of its sites.
static PetscErrorCode GetRanks(SnaSeparable s, const SnaSeparableOptions *o, PetscInt r[])
{
  const PetscInt *start;
  PetscInt        n;

  PetscFunctionBeginUser;
  PetscCall(SnaSeparableGetBlocks(s, &n, &start));
  r[0] = o->nout;
  for (PetscInt d = 0; d < o->nd; d++) r[d + 1] = (start[d + 1] - start[d]) / (r[d] * (o->cells[d] + o->degree[d]));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// C
// ---------------------------------------------------------------------------------------------------------------------
// A name inside a comment of one line.
static PetscErrorCode AddComment(Text *t, const char name[])
{
  PetscFunctionBeginUser;
  for (; *name; name++) PetscCall(Add(t, "%c", (unsigned char)*name < ' ' || *name == '\\' ? '_' : *name));
  PetscFunctionReturn(0);
}

static PetscErrorCode AddScaleC(Text *t, const char name[], PetscInt n, const SnaScale s[])
{
  PetscFunctionBeginUser;
  PetscCall(Add(t, "static const struct {\n  int    logarithm;\n  double shift, width;\n} %s[] = {", name));
  for (PetscInt d = 0; d < n; d++)
    PetscCall(Add(t, "%s\n  {%d, %.17g, %.17g}", d ? "," : "", s[d].log ? 1 : 0, s[d].shift, s[d].width));
  PetscCall(Add(t, "\n};\n"));
  PetscFunctionReturn(0);
}

static const char code_splines[] =
  "// The degree + 1 splines that are not zero at t, on equal cells of [0,1]; returns the number of the first.\n"
  "static int splines(int degree, int cells, double t, double b[])\n"
  "{\n"
  "  double left[6], right[6], z = t * cells;\n"
  "  int    cell = (int)z;\n"
  "\n"
  "  if (cell > cells - 1) cell = cells - 1;\n"
  "  b[0] = 1;\n"
  "  for (int k = 1; k <= degree; k++) {\n"
  "    double saved = 0;\n"
  "    left[k]      = z - (cell + 1 > k ? cell + 1 - k : 0);\n"
  "    right[k]     = (cell + k < cells ? cell + k : cells) - z;\n"
  "    for (int j = 0; j < k; j++) {\n"
  "      const double q = b[j] / (right[j + 1] + left[k - j]);\n"
  "      b[j]           = saved + right[j + 1] * q;\n"
  "      saved          = left[k - j] * q;\n"
  "    }\n"
  "    b[k] = saved;\n"
  "  }\n"
  "  return cell;\n"
  "}\n"
  "\n"
  "// One function of input d, w its coefficients.\n"
  "static double function(int d, const double w[], const int first[], double b[][6])\n"
  "{\n"
  "  double u = 0;\n"
  "\n"
  "  for (int a = 0; a <= degree[d]; a++) u += w[first[d] + a] * b[d][a];\n"
  "  return u;\n"
  "}\n\n";

static const char code_products[] = "// Sums of products: mask has a bit for every input of a product; owner is its "
                                    "output (-1: of all, with weights A[output][product]).\n"
                                    "static void products(int n, const unsigned long mask[], const int owner[], int "
                                    "nout, const double *w, const int first[],\n"
                                    "  double b[][6], double y[])\n"
                                    "{\n"
                                    "  const double *next[NX], *A = w;\n"
                                    "\n"
                                    "  for (int d = 0; d < NX; d++) {\n"
                                    "    next[d] = A;\n"
                                    "    for (int m = 0; m < n; m++)\n"
                                    "      if (mask[m] >> d & 1) A += cells[d] + degree[d];\n"
                                    "  }\n"
                                    "  for (int o = 0; o < nout; o++) y[o] = 0;\n"
                                    "  for (int m = 0; m < n; m++) {\n"
                                    "    double p = 1;\n"
                                    "    for (int d = 0; d < NX; d++) {\n"
                                    "      if (!(mask[m] >> d & 1)) continue;\n"
                                    "      p *= function(d, next[d], first, b);\n"
                                    "      next[d] += cells[d] + degree[d];\n"
                                    "    }\n"
                                    "    p = activation(p);\n"
                                    "    if (owner[m] >= 0)\n"
                                    "      y[owner[m]] += p;\n"
                                    "    else\n"
                                    "      for (int o = 0; o < nout; o++) y[o] += A[o * n + m] * p;\n"
                                    "  }\n"
                                    "}\n\n";

static const char code_tucker[] =
  "static double contract(int d, int rank, const double **core, const double *u)\n"
  "{\n"
  "  double sum = 0;\n"
  "\n"
  "  if (d == NX) return *(*core)++;\n"
  "  for (int j = 0; j < rank; j++) sum += u[d * rank + j] * contract(d + 1, rank, core, u);\n"
  "  return sum;\n"
  "}\n"
  "\n"
  "// y_o = sum_j core[o][j_1]...[j_NX] prod_d u_{d,j_d}; u: room for NX * rank numbers.\n"
  "static void tucker(int rank, int nout, const double *w, const int first[], double b[][6], double u[], double y[])\n"
  "{\n"
  "  for (int d = 0; d < NX; d++)\n"
  "    for (int j = 0; j < rank; j++, w += cells[d] + degree[d]) u[d * rank + j] = function(d, w, first, b);\n"
  "  for (int o = 0; o < nout; o++) y[o] = contract(0, rank, &w, u);\n"
  "}\n\n";

static const char code_train[] = "// Row o of G_1(t_1) G_2(t_2) ... ; r: inner ranks, v: room for two rows.\n"
                                 "static void train(const int r[], const double *w, const int first[], double b[][6], "
                                 "double v[][MAX_RANK], double y[])\n"
                                 "{\n"
                                 "  for (int o = 0; o < r[0]; o++) {\n"
                                 "    const double *at = w;\n"
                                 "    double       *row = v[0], *next = v[1];\n"
                                 "    for (int a = 0; a < r[0]; a++) row[a] = a == o;\n"
                                 "    for (int d = 0; d < NX; d++) {\n"
                                 "      double *other = row;\n"
                                 "      for (int c = 0; c < r[d + 1]; c++) next[c] = 0;\n"
                                 "      for (int a = 0; a < r[d]; a++)\n"
                                 "        for (int c = 0; c < r[d + 1]; c++, at += cells[d] + degree[d]) next[c] += "
                                 "row[a] * function(d, at, first, b);\n"
                                 "      row  = next;\n"
                                 "      next = other;\n"
                                 "    }\n"
                                 "    y[o] = row[0];\n"
                                 "  }\n"
                                 "}\n\n";

static PetscErrorCode AddActivation(Text *t, SnaActivation a)
{
  static const char *const formula[] = {
    "z", "tanh(z)", "exp(z)", "z > 0 ? z + log1p(exp(-z)) : log1p(exp(z))", "1 / (1 + exp(-z))"};

  PetscFunctionBeginUser;
  PetscCall(Add(t, "static double activation(double z)\n{\n  return %s;\n}\n\n", formula[a]));
  PetscFunctionReturn(0);
}

// Tables of function p, and in `call` the line that evaluates it.
static PetscErrorCode AddPartC(Text *t, Text *call, SnaSeparable s, PetscInt p, PetscInt *max_rank)
{
  const SnaSeparableOptions *o;
  PetscInt                   np;
  double                    *theta;
  char                       open[128];

  PetscFunctionBeginUser;
  PetscCall(SnaSeparableGetOptions(s, &o));
  PetscCall(SnaSeparableGetParameterCount(s, &np));
  PetscCall(SnaSeparableGetParameters(s, &theta));
  PetscCall(PetscSNPrintf(open, sizeof(open), "static const double w%" PetscInt_FMT "[] = {", p));
  PetscCall(AddNumbers(t, open, np, theta, "\n};\n"));
  if (o->kind == SNA_SEPARABLE_PRODUCTS) {
    Modes m;
    PetscCall(ModesCreate(o, &m));
    PetscCall(Add(t, "static const unsigned long mask%" PetscInt_FMT "[] = {", p));
    for (PetscInt i = 0; i < m.n; i++)
      PetscCall(Add(t, "%s%s%luUL", i ? "," : "", i % 10 ? " " : "\n  ", (unsigned long)m.mask[i]));
    PetscCall(Add(t, "\n};\nstatic const int owner%" PetscInt_FMT "[] = {", p));
    for (PetscInt i = 0; i < m.n; i++)
      PetscCall(Add(t, "%s%s%" PetscInt_FMT, i ? "," : "", i % 20 ? " " : "\n  ", m.owner[i]));
    PetscCall(Add(t, "\n};\n"));
    PetscCall(Add(call,
      "  products(%" PetscInt_FMT ", mask%" PetscInt_FMT ", owner%" PetscInt_FMT ", %" PetscInt_FMT ", w%" PetscInt_FMT
      ", first, b, y + %" PetscInt_FMT ");\n",
      m.n, p, p, o->nout, p, p));
    PetscCall(ModesDestroy(&m));
  } else if (o->kind == SNA_SEPARABLE_TUCKER) {
    *max_rank = PetscMax(*max_rank, o->rank);
    PetscCall(Add(call,
      "  tucker(%" PetscInt_FMT ", %" PetscInt_FMT ", w%" PetscInt_FMT ", first, b, u, y + %" PetscInt_FMT ");\n",
      o->rank, o->nout, p, p));
  } else {
    PetscInt r[SNA_MAX_DIM + 1];
    PetscCall(GetRanks(s, o, r));
    for (PetscInt d = 0; d <= o->nd; d++) *max_rank = PetscMax(*max_rank, r[d]);
    PetscCall(PetscSNPrintf(open, sizeof(open), "static const int r%" PetscInt_FMT "[] = {", p));
    PetscCall(AddInts(t, open, o->nd + 1, r, "};\n"));
    PetscCall(
      Add(call, "  train(r%" PetscInt_FMT ", w%" PetscInt_FMT ", first, b, v, y + %" PetscInt_FMT ");\n", p, p, p));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode AddHeadC(Text *t, SnaModel model, const char name[])
{
  const Khronos *k    = (const Khronos *)model->data;
  const PetscInt nout = k->nclass > 0 ? k->nclass : k->ntarget;

  PetscFunctionBeginUser;
  PetscCall(Add(t,
    "// A model of class %s trained by sna_solver %s (%s). C99, no dependencies but the mathematical library.\n//\n",
    k->deck.class, SNA_VERSION, SNA_GIT_HASH));
  PetscCall(Add(t, "//   void %s_predict(const double x[], double y[]);\n//\n", name));
  for (PetscInt d = 0; d < model->info.nd; d++) {
    PetscCall(Add(t, "//   x[%" PetscInt_FMT "]  ", d));
    PetscCall(AddComment(t, k->input[d]));
    PetscCall(
      Add(t, ", learned in [%.6g, %.6g]; outside the value at the end is taken\n", k->model.x[d].lo, k->model.x[d].hi));
  }
  for (PetscInt o = 0; o < nout; o++) {
    PetscCall(Add(t, "//   y[%" PetscInt_FMT "]  ", o));
    if (k->nclass > 0) PetscCall(Add(t, "probability of class "));
    PetscCall(AddComment(t, k->nclass > 0 ? k->label[o] : k->target[o]));
    PetscCall(Add(t, "\n"));
  }
  PetscCall(
    Add(t, "#include <math.h>\n\n#define NX %" PetscInt_FMT "\n#define NY %" PetscInt_FMT "\n", model->info.nd, nout));
  PetscFunctionReturn(0);
}

static PetscErrorCode ExportC(SnaModel model, const char name[], Text *t)
{
  const Khronos             *k    = (const Khronos *)model->data;
  const KhronosModel        *m    = &k->model;
  Text                       call = {0, 0, NULL}, tables = {0, 0, NULL};
  PetscInt                   max_rank = 0;
  const SnaSeparableOptions *o;

  PetscFunctionBeginUser;
  PetscCall(SnaSeparableGetOptions(m->part[0], &o));
  PetscCall(AddHeadC(t, model, name));
  for (PetscInt p = 0; p < m->npart; p++) PetscCall(AddPartC(&tables, &call, m->part[p], p, &max_rank));
  if (o->kind == SNA_SEPARABLE_TENSOR_TRAIN) PetscCall(Add(t, "#define MAX_RANK %" PetscInt_FMT "\n", max_rank));
  PetscCall(Add(t, "\n"));
  PetscCall(AddScaleC(t, "scale_x", o->nd, m->x));
  if (k->nclass == 0) PetscCall(AddScaleC(t, "scale_y", k->ntarget, m->y));
  PetscCall(AddInts(t, "static const int degree[] = {", o->nd, o->degree, "};\n"));
  PetscCall(AddInts(t, "static const int cells[] = {", o->nd, o->cells, "};\n"));
  PetscCall(Add(t, "%s\n%s", tables.data, code_splines));
  if (o->kind == SNA_SEPARABLE_PRODUCTS) PetscCall(AddActivation(t, o->activation));
  PetscCall(Add(t, "%s",
    o->kind == SNA_SEPARABLE_PRODUCTS ? code_products
    : o->kind == SNA_SEPARABLE_TUCKER ? code_tucker
                                      : code_train));
  PetscCall(Add(t,
    "void %s_predict(const double x[], double y[]);\n"
    "void %s_predict(const double x[], double y[])\n"
    "{\n"
    "  double b[NX][6];\n"
    "  int    first[NX];\n",
    name, name));
  if (o->kind == SNA_SEPARABLE_TUCKER) PetscCall(Add(t, "  double u[NX * %" PetscInt_FMT "];\n", max_rank));
  if (o->kind == SNA_SEPARABLE_TENSOR_TRAIN) PetscCall(Add(t, "  double v[2][MAX_RANK];\n"));
  PetscCall(Add(t,
    "\n"
    "  for (int d = 0; d < NX; d++) {\n"
    "    double t = ((scale_x[d].logarithm ? log(x[d]) : x[d]) - scale_x[d].shift) / scale_x[d].width;\n"
    "    t        = t > 0 ? t < 1 ? t : 1 : 0;\n"
    "    first[d] = splines(degree[d], cells[d], t, b[d]);\n"
    "  }\n"
    "%s",
    call.data));
  if (k->nclass == 0)
    PetscCall(Add(t, "  for (int o = 0; o < NY; o++) {\n"
                     "    y[o] = scale_y[o].shift + scale_y[o].width * y[o];\n"
                     "    if (scale_y[o].logarithm) y[o] = exp(y[o]);\n"
                     "  }\n"));
  else
    PetscCall(Add(t, "  double largest = y[0], sum = 0;\n"
                     "  for (int o = 1; o < NY; o++) largest = y[o] > largest ? y[o] : largest;\n"
                     "  for (int o = 0; o < NY; o++) sum += y[o] = exp(y[o] - largest);\n"
                     "  for (int o = 0; o < NY; o++) y[o] /= sum;\n"));
  PetscCall(Add(t, "}\n"));
  PetscCall(PetscFree(call.data));
  PetscCall(PetscFree(tables.data));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// JSON
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode AddString(Text *t, const char s[])
{
  PetscFunctionBeginUser;
  PetscCall(Add(t, "\""));
  for (; *s; s++) {
    if (*s == '"' || *s == '\\')
      PetscCall(Add(t, "\\%c", *s));
    else if ((unsigned char)*s < ' ')
      PetscCall(Add(t, "\\u%04x", (unsigned int)(unsigned char)*s));
    else
      PetscCall(Add(t, "%c", *s));
  }
  PetscCall(Add(t, "\""));
  PetscFunctionReturn(0);
}

static PetscErrorCode AddScaleJson(Text *t, const char name[], const SnaScale *s)
{
  PetscFunctionBeginUser;
  PetscCall(Add(t, "{\"name\": "));
  PetscCall(AddString(t, name));
  PetscCall(Add(t, ", \"log\": %s, \"shift\": %.17g, \"width\": %.17g", s->log ? "true" : "false", s->shift, s->width));
  PetscFunctionReturn(0);
}

static PetscErrorCode AddPartJson(Text *t, SnaSeparable s)
{
  static const char *const   kind[]       = {"products", "tucker", "tensor_train"};
  static const char *const   activation[] = {"identity", "tanh", "exp", "softplus", "sigmoid"};
  const SnaSeparableOptions *o;
  PetscInt                   np, r[SNA_MAX_DIM + 1];
  double                    *theta;

  PetscFunctionBeginUser;
  PetscCall(SnaSeparableGetOptions(s, &o));
  PetscCall(SnaSeparableGetParameterCount(s, &np));
  PetscCall(SnaSeparableGetParameters(s, &theta));
  PetscCall(Add(t, "{\"kind\": \"%s\", \"outputs\": %" PetscInt_FMT ", ", kind[o->kind], o->nout));
  if (o->kind == SNA_SEPARABLE_PRODUCTS) {
    Modes m;
    PetscCall(ModesCreate(o, &m));
    PetscCall(Add(t, "\"activation\": \"%s\", \"learned_weights\": %s,\n\"modes\": [", activation[o->activation],
      o->learned ? "true" : "false"));
    for (PetscInt i = 0; i < m.n; i++) {
      PetscInt input[SNA_MAX_DIM], n = 0;
      for (PetscInt d = 0; d < o->nd; d++)
        if (m.mask[i] >> d & 1) input[n++] = d;
      PetscCall(AddInts(t, i ? ", [" : "[", n, input, "]"));
    }
    PetscCall(AddInts(t, "],\n\"owner\": [", m.n, m.owner, "],\n"));
    PetscCall(ModesDestroy(&m));
  } else if (o->kind == SNA_SEPARABLE_TUCKER)
    PetscCall(Add(t, "\"rank\": %" PetscInt_FMT ",\n", o->rank));
  else {
    PetscCall(GetRanks(s, o, r));
    PetscCall(AddInts(t, "\"ranks\": [", o->nd + 1, r, "],\n"));
  }
  PetscCall(AddNumbers(t, "\"theta\": [", np, theta, "]}"));
  PetscFunctionReturn(0);
}

static PetscErrorCode ExportJson(SnaModel model, Text *t)
{
  const Khronos             *k = (const Khronos *)model->data;
  const KhronosModel        *m = &k->model;
  const SnaSeparableOptions *o;

  PetscFunctionBeginUser;
  PetscCall(SnaSeparableGetOptions(m->part[0], &o));
  PetscCall(Add(t, "{\"format\": \"sna_khronos\", \"version\": 1, \"program\": \"sna_solver %s (%s)\",\n", SNA_VERSION,
    SNA_GIT_HASH));
  PetscCall(Add(t, "\"class\": \"%s\", \"task\": \"%s\",\n\"inputs\": [", k->deck.class,
    k->nclass > 0 ? "classification" : "regression"));
  for (PetscInt d = 0; d < o->nd; d++) {
    PetscCall(Add(t, d ? ",\n  " : "\n  "));
    PetscCall(AddScaleJson(t, k->input[d], &m->x[d]));
    PetscCall(Add(t, ", \"lo\": %.17g, \"hi\": %.17g, \"degree\": %" PetscInt_FMT ", \"cells\": %" PetscInt_FMT "}",
      m->x[d].lo, m->x[d].hi, o->degree[d], o->cells[d]));
  }
  PetscCall(Add(t, "],\n\"targets\": ["));
  for (PetscInt i = 0; i < k->ntarget; i++) {
    PetscCall(Add(t, i ? ",\n  " : "\n  "));
    PetscCall(AddScaleJson(t, k->target[i], &m->y[i]));
    PetscCall(Add(t, "}"));
  }
  PetscCall(Add(t, "],\n\"classes\": ["));
  for (PetscInt c = 0; c < k->nclass; c++) {
    if (c) PetscCall(Add(t, ", "));
    PetscCall(AddString(t, k->label[c]));
  }
  PetscCall(Add(t, "],\n\"parts\": [\n"));
  for (PetscInt p = 0; p < m->npart; p++) {
    if (p) PetscCall(Add(t, ",\n"));
    PetscCall(AddPartJson(t, m->part[p]));
  }
  PetscCall(Add(t, "]}\n"));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The name of a C function: the case's, other characters are _; a digit in front gets one before it.
static void FunctionName(const char stem[], size_t size, char name[])
{
  const char *slash = strrchr(stem, '/'), *from = slash ? slash + 1 : stem;
  size_t      n = 0;

  if (*from >= '0' && *from <= '9') name[n++] = '_';
  for (; *from && n + 1 < size; from++)
    name[n++] =
      (*from >= 'a' && *from <= 'z') || (*from >= 'A' && *from <= 'Z') || (*from >= '0' && *from <= '9') ? *from : '_';
  name[n] = 0;
}

static PetscErrorCode WriteText(SnaModel model, SnaFile file, const char ending[], Text *t)
{
  const Khronos *k = (const Khronos *)model->data;
  char           path[PETSC_MAX_PATH_LEN], message[SNA_MAX_MESSAGE] = "";

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(path, sizeof(path), "%s_model.%s", k->stem, ending));
  PetscCall(SnaBytesWrite(model->comm, path, t->n, t->data, 0, NULL, 0, NULL, message));
  if (message[0])
    PetscCall(SnaFileSetError(file, "%s", message));
  else
    PetscCall(PetscPrintf(model->comm, "exported: %s\n", path));
  PetscCall(PetscFree(t->data));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosExport(SnaModel model, SnaFile file)
{
  const Khronos *k = (const Khronos *)model->data;
  char           name[256];
  Text           c = {0, 0, NULL}, json = {0, 0, NULL};

  PetscFunctionBeginUser;
  FunctionName(k->stem, sizeof(name), name);
  if (k->deck.export_c) {
    PetscCall(ExportC(model, name, &c));
    PetscCall(WriteText(model, file, "c", &c));
  }
  if (k->deck.export_json) {
    PetscCall(ExportJson(model, &json));
    PetscCall(WriteText(model, file, "json", &json));
  }
  PetscFunctionReturn(0);
}
