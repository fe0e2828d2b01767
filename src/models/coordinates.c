// coordinates.c - the deck's `coordinates:`: physical coordinates x, the model's directions y(x), and the chain rule between them.
//
//   y_d = map_d(x)     for directions in `map`, an expression of all physical coordinates
//   y_d = x_j          for the others, which are physical coordinates themselves
//   du/dx_j = sum_d du/dy_d dy_d/dx_j,   dy_d/dx_j from jets (SnaExprJet), exact up to rounding
//
// The map need not be invertible, nor the two counts equal: r = sqrt(x^2 + y^2) serves as well as a rotation. Nothing here inverts it.
#include "model_impl.h"
#include <math.h>

// Maps round, so that a point on the edge of the domain may come out beyond it by some units in the last place.
#define EDGE 1e-12

struct SnaCoordinates_ {
  SnaCoordinatesInfo info;
  PetscInt           nd;
  const char        *dim[SNA_MAX_DIM];
  double             lo[SNA_MAX_DIM], hi[SNA_MAX_DIM]; // the model's domain
  PetscInt           source[SNA_MAX_DIM];              // the coordinate that is direction d, -1 where it has a map
  SnaExpr            map[SNA_MAX_DIM];
};

const SnaOption SnaCoordinatesOptions[] = {
  {"coordinates_space", SNA_OPT_NAMES, "", 0, 0, "list of name: [lo, hi]",
    "Physical coordinates that are no directions of dim; slices, samples and pde_reference use them."},
  {"coordinates_space_*", SNA_OPT_REALS, NULL, 0, 0, "[lo, hi]",
    "Range that slices cover and over which the error is measured."},
  {"coordinates_map", SNA_OPT_NAMES, "", 0, 0, "list of direction: expression",
    "Directions that are functions of the physical coordinates; the others are physical coordinates themselves."},
  {"coordinates_map_*", SNA_OPT_STRING, NULL, 0, 0, "expression",
    "One such direction, e.g. p: x*cos(omega*t) + y*sin(omega*t)."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static PetscInt FindName(PetscInt n, const char *const names[], const char word[])
{
  for (PetscInt i = 0; i < n; i++) {
    PetscBool same;
    if (!PetscStrcmp(names[i], word, &same) && same) return i;
  }
  return -1;
}

static PetscErrorCode AddCoordinate(SnaCoordinates c, const char name[], double lo, double hi, PetscInt direction)
{
  SnaCoordinatesInfo *info = &c->info;

  PetscFunctionBeginUser;
  if (info->n < SNA_MAX_DIM) {
    info->name[info->n]      = name;
    info->lo[info->n]        = lo;
    info->hi[info->n]        = hi;
    info->direction[info->n] = direction;
  }
  info->n++;
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadSpace(SnaDeck deck, SnaCoordinates c)
{
  const char *names[SNA_MAX_DIM];
  PetscInt    n;
  SnaSymbols  constants;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetConstants(deck, &constants));
  PetscCall(SnaDeckGetNames(deck, "coordinates_space", NULL, SNA_MAX_DIM, &n, names));
  for (PetscInt j = 0; j < n; j++) {
    double   range[2] = {0, 1};
    PetscInt two;

    PetscCall(SnaDeckGetReals(deck, "coordinates_space_*", names[j], 2, &two, range));
    if (two == 1)
      PetscCall(SnaDeckError(deck, "coordinates_space_*", names[j], "the range needs two numbers, [lo, hi]"));
    else if (two == 2 && !(range[0] < range[1]))
      PetscCall(SnaDeckError(deck, "coordinates_space_*", names[j],
        "the range [%g, %g] is empty or reversed: the lower end comes first", range[0], range[1]));
    if (two != 2 || !(range[0] < range[1])) {
      range[0] = 0;
      range[1] = 1;
    }
    if (FindName(c->nd, c->dim, names[j]) >= 0)
      PetscCall(SnaDeckError(deck, "coordinates_space_*", names[j],
        "`%s` is a direction of dim; choose another name here, or leave it out: a direction without a map is a "
        "physical "
        "coordinate itself",
        names[j]));
    else if (SnaNameIsReserved(names[j]))
      PetscCall(SnaDeckError(deck, "coordinates_space_*", names[j],
        "`%s` is a function or constant of the expressions; choose another name", names[j]));
    else if (FindName(constants.nconst, constants.constant, names[j]) >= 0)
      PetscCall(SnaDeckError(
        deck, "coordinates_space_*", names[j], "`%s` is a constant of param as well; rename one", names[j]));
    PetscCall(AddCoordinate(c, names[j], range[0], range[1], -1));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ListNames(const SnaCoordinatesInfo *info, size_t size, char text[])
{
  PetscFunctionBeginUser;
  text[0] = 0;
  for (PetscInt j = 0; j < info->n; j++) {
    PetscCall(PetscStrlcat(text, j ? ", " : "", size));
    PetscCall(PetscStrlcat(text, info->name[j], size));
  }
  PetscFunctionReturn(0);
}

// The first direction with a map that stands in an expression, or -1.
static PetscInt FindMapped(SnaCoordinates c, const char text[])
{
  char word[SNA_MAX_MESSAGE];

  while (*text) {
    size_t n = 0;
    while ((*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
           *text == '_') {
      if (n + 1 < sizeof(word)) word[n++] = *text;
      text++;
    }
    word[n] = 0;
    if (n) {
      const PetscInt d = FindName(c->nd, c->dim, word);
      if (d >= 0 && c->source[d] < 0) return d;
    } else
      text++;
  }
  return -1;
}

PetscErrorCode SnaCoordinatesParse(
  SnaCoordinates c, SnaDeck deck, const char text[], SnaExpr *e, char message[SNA_MAX_MESSAGE])
{
  SnaSymbols symbols;
  PetscInt   d;
  char       names[512], said[256], *unknown;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetConstants(deck, &symbols));
  symbols.nvar = (int)c->info.n;
  symbols.var  = c->info.name;
  PetscCall(SnaExprCreate(text, &symbols, e, message));
  if (*e || !c->info.mapped) PetscFunctionReturn(0);
  PetscCall(ListNames(&c->info, sizeof(names), names));
  PetscCall(PetscStrncpy(said, message, sizeof(said)));
  PetscCall(PetscStrstr(said, "unknown name", &unknown));
  d = FindMapped(c, text);
  if (d >= 0)
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "`%s` is a direction with a map; write this in the physical coordinates, which are %s", c->dim[d], names));
  else if (unknown)
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "%s; the physical coordinates are %s (those of `coordinates: space:`, then the directions without a map)", said,
      names));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadMaps(SnaDeck deck, SnaCoordinates c)
{
  const char *names[SNA_MAX_DIM];
  PetscInt    n;
  uint32_t    used     = 0;
  PetscBool   complete = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetNames(deck, "coordinates_map", NULL, SNA_MAX_DIM, &n, names));
  c->info.mapped = (PetscBool)(n > 0);
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt d = FindName(c->nd, c->dim, names[i]);
    if (d >= 0) c->source[d] = -1;
  }
  for (PetscInt d = 0; d < c->nd; d++) {
    if (c->source[d] < 0) continue;
    c->source[d] = c->info.n;
    PetscCall(AddCoordinate(c, c->dim[d], c->lo[d], c->hi[d], d));
  }
  if (c->info.n > SNA_MAX_DIM) {
    PetscCall(SnaDeckError(deck, "coordinates_space", NULL,
      "%" PetscInt_FMT " physical coordinates, the directions without a map among them; %d is the limit", c->info.n,
      SNA_MAX_DIM));
    c->info.n = SNA_MAX_DIM;
  }
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt d = FindName(c->nd, c->dim, names[i]);
    const char    *text;
    char           message[SNA_MAX_MESSAGE];
    uint32_t       mask;

    PetscCall(SnaDeckGetString(deck, "coordinates_map_*", names[i], &text));
    if (d < 0) {
      const char *near = SnaNearestName(names[i], (int)c->nd, c->dim);
      PetscCall(SnaDeckError(deck, "coordinates_map_*", names[i], "`%s` is no direction of dim%s%s%s", names[i],
        near ? "; did you mean `" : "", near ? near : "", near ? "`?" : ""));
    } else if (text)
      PetscCall(SnaCoordinatesParse(c, deck, text, &c->map[d], message));
    if (d < 0 || !text || !c->map[d]) {
      complete = PETSC_FALSE;
      if (d >= 0 && text) PetscCall(SnaDeckError(deck, "coordinates_map_*", names[i], "%s", message));
      continue;
    }
    PetscCall(SnaExprGetVariables(c->map[d], &mask));
    used |= mask;
  }
  for (PetscInt j = 0; j < c->info.n && complete; j++)
    if (c->info.direction[j] < 0 && !(used >> j & 1))
      PetscCall(SnaDeckError(deck, "coordinates_space_*", c->info.name[j],
        "no map uses `%s`: give a direction of dim as an expression of it under `coordinates: map:`", c->info.name[j]));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCoordinatesCreate(SnaDeck deck, PetscInt nd, const char *const name[], const double lo[],
  const double hi[], SnaCoordinates *coordinates)
{
  SnaCoordinates c;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&c));
  *coordinates = c;
  c->nd        = nd;
  PetscCall(PetscArraycpy(c->dim, name, nd));
  PetscCall(PetscArraycpy(c->lo, lo, nd));
  PetscCall(PetscArraycpy(c->hi, hi, nd));
  PetscCall(ReadSpace(deck, c));
  PetscCall(ReadMaps(deck, c));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCoordinatesDestroy(SnaCoordinates *coordinates)
{
  PetscFunctionBeginUser;
  if (!*coordinates) PetscFunctionReturn(0);
  for (PetscInt d = 0; d < (*coordinates)->nd; d++) PetscCall(SnaExprDestroy(&(*coordinates)->map[d]));
  PetscCall(PetscFree(*coordinates));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCoordinatesGetInfo(SnaCoordinates c, const SnaCoordinatesInfo **info)
{
  PetscFunctionBeginUser;
  *info = &c->info;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCoordinatesView(SnaCoordinates c, MPI_Comm comm)
{
  char physical[512], mapped[512] = "";

  PetscFunctionBeginUser;
  if (!c->info.mapped) PetscFunctionReturn(0);
  PetscCall(ListNames(&c->info, sizeof(physical), physical));
  for (PetscInt d = 0; d < c->nd; d++) {
    if (c->source[d] >= 0) continue;
    PetscCall(PetscStrlcat(mapped, *mapped ? ", " : "", sizeof(mapped)));
    PetscCall(PetscStrlcat(mapped, c->dim[d], sizeof(mapped)));
  }
  PetscCall(PetscPrintf(comm, "  physical coordinates %s; maps give %s\n", physical, mapped));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCoordinatesMap(
  SnaCoordinates c, PetscInt n, const double *const x[], double *const y[], PetscBool inside[])
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; inside && i < n; i++) inside[i] = PETSC_TRUE;
  for (PetscInt d = 0; d < c->nd; d++) {
    const PetscInt j = c->source[d];
    const double   e = j < 0 ? EDGE * (c->hi[d] - c->lo[d]) : 0, lo = c->lo[d] - e, hi = c->hi[d] + e;

    if (j < 0)
      PetscCall(SnaExprEvaluate(c->map[d], n, x, y[d]));
    else
      PetscCall(PetscArraycpy(y[d], x[j], n));
    for (PetscInt i = 0; inside && i < n; i++)
      inside[i] = (PetscBool)(inside[i] && y[d][i] >= lo && y[d][i] <= hi); // false for NaN
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCoordinatesPullBack(
  SnaCoordinates c, PetscInt n, const double *const x[], const double *const dy[], double *const dx[])
{
  double *jet;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(2 * (size_t)n, &jet));
  for (PetscInt j = 0; j < c->info.n; j++) {
    const PetscInt d = c->info.direction[j];
    if (d >= 0)
      PetscCall(PetscArraycpy(dx[j], dy[d], n));
    else
      PetscCall(PetscArrayzero(dx[j], n));
  }
  for (PetscInt d = 0; d < c->nd; d++) {
    uint32_t mask;
    if (c->source[d] >= 0) continue;
    PetscCall(SnaExprGetVariables(c->map[d], &mask));
    for (PetscInt j = 0; j < c->info.n; j++) {
      if (!(mask >> j & 1)) continue;
      PetscCall(SnaExprJet(c->map[d], (int)j, 1, n, x, jet));
      for (PetscInt i = 0; i < n; i++) dx[j][i] += dy[d][i] * jet[n + i];
    }
  }
  PetscCall(PetscFree(jet));
  PetscFunctionReturn(0);
}
