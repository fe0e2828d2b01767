// basis_impl.h - what the families of SnaBasis share; not part of the public face.
#ifndef SNA_BASIS_IMPL_H
#define SNA_BASIS_IMPL_H

#include <sna/sna.h>

// A family is one such table and an entry in the list of basis.c.
//   check     writes what the user has to change, or leaves `message` empty; family, domain and pairing of periodic ends have been looked at
//   setup     fills info.{degree, cells, n, local, points, uniform, drop_*}, and index and start unless the defaults of basis.c are right
//   evaluate  as SnaBasisEvaluate()
//   smooth    as SnaBasisSmoothFunction()
//   destroy   frees what `data` holds; may be NULL
typedef struct {
  const char *family;
  PetscErrorCode (*check)(const SnaBasisSpec *, char message[SNA_MAX_MESSAGE]);
  PetscErrorCode (*setup)(SnaBasis, const SnaBasisSpec *);
  PetscErrorCode (*evaluate)(SnaBasis, double, PetscInt, PetscInt *, double[]);
  PetscErrorCode (*smooth)(SnaBasis, PetscInt, double[]);
  PetscErrorCode (*destroy)(SnaBasis);
} SnaBasisOps;

struct SnaBasis_ {
  const SnaBasisOps *ops;
  SnaBasisInfo       info; // name and breakpoint point to the two below
  char              *name;
  double            *breakpoint;
  PetscInt          *index;     // cells * local; NULL after setup: 0 .. n-1 in every cell
  double            *start;     // cells + 1; NULL: cells of equal length
  double             unit_size; // what SnaBasisUnitSize() returns
  void              *data;
};

extern const SnaBasisOps SnaBasisBSpline_Private, SnaBasisFourier_Private, SnaBasisChebyshev_Private,
  SnaBasisLegendre_Private;

// Homogeneous conditions that an end imposes; a periodic one: those of both ends together are shared, `periodic` in all.
PetscInt SnaBasisConditions_Private(const SnaEnd end[2], PetscInt periodic);
// Smooth functions of an orthonormal basis ordered by frequency: its first ones; zero where there are no more.
PetscErrorCode SnaBasisSmooth_Modal_Private(SnaBasis b, PetscInt j, double c[]);

#endif
