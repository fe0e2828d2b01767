// thermal.c - synthetic thermal histories of coupons in thin walls built by directed energy deposition, with mechanical properties. No measured data.
//
// A wall of thickness w and length L grows by layers of height h; a laser of absorbed power eta P runs along it at speed v, back and forth, and waits t_d between layers.
// Layer j passes the coupon (height z, position x L, in layer 0) at t_j; layers j > 0 lie d_j = j h above it. A source much faster than diffusion leaves an
// instantaneous plane of heat on the top edge (the limit of Rosenthal's thin-plate solution behind the source; Rosenthal, Trans. ASME 68 (1946) 849; Carslaw and
// Jaeger, Conduction of Heat in Solids, 1959, ch. X), as wide as the melt pool, s; the insulated edge doubles it, the cold substrate is a mirrored sink:
//
//   T(t) = T0 + sum_{j: t_j <= t} 2 eta P/(v rho c w) [exp(-d_j^2/(2S)) - exp(-(2z + d_j)^2/(2S))] / sqrt(2 pi S) exp(-(t-t_j)/tau),   S = s^2 + 2 alpha (t-t_j)
//   t_j  = j (L/v + t_d) + (odd j) (1 - 2x) L/v
//
// with tau for convection and radiation. The camera averages T over each of `length` frames of RECORD/length seconds from t = 0 on, reads its excess over T0 by an
// emissivity wrong by 3 % (one factor per coupon), adds white noise of 8 K and is blind outside [550, 1400] K. P, t_d, z and x are uniform and independent.
//
//   C = 500 K / (time from 1500 to 1000 K after layer 0, later layers left out)             cooling rate
//   A = integral of exp(-((T - 1000 K)/100 K)^2) dt                                          time in the ageing window
//   N = sum over j > 0 of 1/(1 + exp(-(Tpeak_j - 1000 K)/75 K)),  Tpeak_j = T(t_j + d_j^2/(2 alpha))   reheats that reach 1000 K
//   B = A/(4 s) exp(1 - A/(4 s))                                                             ageing with its optimum at 4 s
//
//   ys  = 207 + 60 C^(1/6) + 25 B           +  7 e1 MPa     C in K/s: Hall and Petch on arm spacings ~ C^(-1/3)
//   uts = 582 + 35 C^(1/6) + 25 B - 12 N    + 10 e2 MPa     reheats coarsen;  e1, e2, e3 normal, variance 1
//   modulus = 195 + 8 e3 GPa                                whatever the history: no model can learn it
//
// from the true T, not from what the camera saw. Constants are those of a nickel alloy such as Inconel 718 in order of magnitude; the laws have the form of known ones and
// are fitted to nothing. Does not: melting, latent heat, ends of the wall, conduction along it, temperature-dependent properties.
#include <sna/data.h>
#include <math.h>

const char *const SnaPropertyNames[SNA_NPROPERTIES] = {"ys", "uts", "modulus"};

#define AMBIENT   300.   // T0 [K]
#define LENGTH    0.08   // L [m]
#define THICKNESS 3e-3   // w
#define LAYER     0.8e-3 // h
#define POOL      0.8e-3 // s
#define SPEED     (1. / 60)
#define ABSORBED  0.38   // eta
#define CAPACITY  5e6    // rho c [J/(m^3 K)]
#define DIFFUSION 5.5e-6 // alpha [m^2/s]
#define LOSS      40.    // tau [s]
#define RECORD    80.    // seconds from the coupon's own layer on
#define LOWEST    550.   // the camera [K]
#define HIGHEST   1400.
#define EARLIER   24  // layers below the coupon's that still count: the oldest passed at least 4 tau before
#define FRAME     4   // points of a frame's average
#define AGEING    400 // points of the integral A

#define MAX_LAYERS (EARLIER + 16) // at least RECORD / (L/v + shortest wait) after the coupon's

// Streams of random numbers: the deck's seed serves others too.
enum { POWER, WAIT, HEIGHT, PLACE, EMISSIVITY, YIELD, ULTIMATE, MODULUS, SENSOR };
#define STREAM(what) (UINT64_C(0x746865726d) << 24 | (uint64_t)(what))

typedef struct {
  double   rise, height; // 2 eta P/(v rho c w) [K m]; z
  PetscInt first, nlayer;
  double   time[MAX_LAYERS], above[MAX_LAYERS]; // t_j, d_j of layers j = first, ...
} Coupon;

static double Between(uint64_t seed, int what, PetscInt64 row, double lo, double hi)
{
  return lo + (hi - lo) * SnaRandomUniform(seed, STREAM(what), (uint64_t)row);
}

static void MakeCoupon(uint64_t seed, PetscInt64 row, Coupon *c)
{
  const double power = Between(seed, POWER, row, 900, 1500), wait = Between(seed, WAIT, row, 3, 5);
  const double place = Between(seed, PLACE, row, 0.4, 0.6), pass = LENGTH / SPEED;

  c->height = Between(seed, HEIGHT, row, 6e-3, 50e-3);
  c->rise   = 2 * ABSORBED * power / (SPEED * CAPACITY * THICKNESS);
  c->first  = -PetscMin((PetscInt)(c->height / LAYER) - 1, EARLIER);
  c->nlayer = 0;
  for (PetscInt j = c->first; j * (pass + wait) < RECORD + pass && c->nlayer < MAX_LAYERS; j++) {
    c->time[c->nlayer]    = (double)j * (pass + wait) + (j % 2 ? (1 - 2 * place) * pass : 0);
    c->above[c->nlayer++] = (double)j * LAYER;
  }
}

// Temperature at time t from the first `nlayer` layers.
static double Temperature(const Coupon *c, PetscInt nlayer, double t)
{
  double sum = 0;

  for (PetscInt k = 0; k < nlayer && c->time[k] <= t; k++) {
    const double since = t - c->time[k], S = POOL * POOL + 2 * DIFFUSION * since, mirror = 2 * c->height + c->above[k];
    const double source = PetscSqr(c->above[k]) / (2 * S), sink = mirror * mirror / (2 * S), lost = since / LOSS;

    if (source < 40) sum += (exp(-source - lost) - (sink < 40 ? exp(-sink - lost) : 0)) / sqrt(2 * PETSC_PI * S);
  }
  return AMBIENT + c->rise * sum;
}

// When the coupon has cooled to `temperature` after its own layer, without later ones: it falls all the time.
static double CooledAt(const Coupon *c, double temperature)
{
  double lo = log(1e-5), hi = log(1e4);

  for (int i = 0; i < 50; i++) {
    const double middle = 0.5 * (lo + hi);

    if (Temperature(c, 1 - c->first, exp(middle)) > temperature)
      lo = middle;
    else
      hi = middle;
  }
  return exp(lo);
}

static void Properties(uint64_t seed, PetscInt64 row, const Coupon *c, double property[SNA_NPROPERTIES])
{
  const uint64_t index = (uint64_t)row;
  const double   rate = 500 / (CooledAt(c, 1000) - CooledAt(c, 1500)), fine = cbrt(sqrt(rate));
  double         aged = 0, reheats = 0, peak;

  for (int i = 0; i < AGEING; i++) {
    const double T = Temperature(c, c->nlayer, (i + 0.5) * RECORD / AGEING);

    aged += exp(-PetscSqr((T - 1000) / 100)) * RECORD / AGEING;
  }
  for (PetscInt k = 1 - c->first; k < c->nlayer; k++) {
    const double later = c->time[k] + PetscSqr(c->above[k]) / (2 * DIFFUSION);

    reheats += 1 / (1 + exp(-(Temperature(c, k + 1, later) - 1000) / 75));
  }
  peak        = aged / 4 * exp(1 - aged / 4);
  property[0] = 207 + 60 * fine + 25 * peak + 7 * SnaRandomNormal(seed, STREAM(YIELD), index);
  property[1] = 582 + 35 * fine + 25 * peak - 12 * reheats + 10 * SnaRandomNormal(seed, STREAM(ULTIMATE), index);
  property[2] = 195 + 8 * SnaRandomNormal(seed, STREAM(MODULUS), index);
}

PetscErrorCode SnaThermalHistory(
  uint64_t seed, PetscInt64 first, PetscInt n, PetscInt length, double signal[], double property[])
{
  PetscFunctionBeginUser;
  PetscCheck(first >= 0 && n >= 0 && length > 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "%" PetscInt_FMT " signals of length %" PetscInt_FMT, n, length);
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt64 row     = first + i;
    const double     reading = 1 + 0.03 * SnaRandomNormal(seed, STREAM(EMISSIVITY), (uint64_t)row);
    double          *out     = signal + (size_t)i * (size_t)length;
    Coupon           c;

    MakeCoupon(seed, row, &c);
    for (PetscInt k = 0; k < length; k++) {
      const uint64_t stream = STREAM(SENSOR) + (uint64_t)(row + 1) * (UINT64_C(1) << 8);
      double         excess = 0;

      for (int q = 0; q < FRAME; q++) {
        const double t = ((double)k + (q + 0.5) / FRAME) / (double)length * RECORD;

        excess += (Temperature(&c, c.nlayer, t) - AMBIENT) / FRAME;
      }
      excess = reading * excess + 8 * SnaRandomNormal(seed, stream, (uint64_t)k);
      out[k] = PetscMin(PetscMax(AMBIENT + excess, LOWEST), HIGHEST);
    }
    Properties(seed, row, &c, property + (size_t)i * SNA_NPROPERTIES);
  }
  PetscFunctionReturn(0);
}
