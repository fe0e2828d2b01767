// Private layout of SnaModel, shared by the files of src/models and the models' own folders.
#ifndef SNA_MODEL_IMPL_H
#define SNA_MODEL_IMPL_H

#include <sna/models.h>

struct SnaModel_ {
  MPI_Comm       comm;
  SnaModelOps    ops;
  SnaModelInfo   info;
  SnaCoordinates coordinates;
  SnaExpr        reference; // of the physical coordinates, NULL: not given
  SnaMonitor     monitor;
  void          *monitor_ctx;
  void          *data; // the model's own struct
};

// One entry of the registry: the deck's name, the constructor that fills ops and data, and the tables of the model's keys.
typedef struct {
  const char *name;
  PetscErrorCode (*create)(SnaModel);
  int (*gettables)(int max, const char *title[], const SnaOption *table[]);
} SnaModelType;

extern const SnaOption SnaCoordinatesOptions[];

// For a model's setfromoptions, once its directions stand in `info`: the physical coordinates, then the reference under `key` (*text: as the deck
// has it, or NULL), which adds fields 1 and 2. Without a reference neither need be called.
PetscErrorCode SnaModelReadCoordinates_Private(SnaModel model, SnaDeck deck);
PetscErrorCode SnaModelReadReference_Private(SnaModel model, SnaDeck deck, const char key[], const char **text);
// In set-up, after a deck without errors: a reference that is not finite somewhere, or a map that leads nowhere, is an error of the deck.
PetscErrorCode SnaModelCheckReference_Private(SnaModel model, SnaDeck deck, const char key[]);
// The error over that part of the physical box which maps into the model's domain, and the share of the box that does not. nbin and bin as in SnaErrorQmc(),
// for the model's directions; coordinates that are none get uniform points. Collective on the model's communicator.
PetscErrorCode SnaModelErrorQmc_Private(SnaModel model, const PetscInt nbin[], const double *const bin[],
  PetscInt points, SnaErrorEstimate *e, double *outside);

PetscErrorCode SnaModelCreate_VSNA(SnaModel model);
int            SnaModelGetTables_VSNA(int max, const char *title[], const SnaOption *table[]);
PetscErrorCode SnaModelCreate_Homogenize(SnaModel model);
int            SnaModelGetTables_Homogenize(int max, const char *title[], const SnaOption *table[]);
PetscErrorCode SnaModelCreate_Microstructure(SnaModel model);
int            SnaModelGetTables_Microstructure(int max, const char *title[], const SnaOption *table[]);
PetscErrorCode SnaModelCreate_Khronos(SnaModel model);
int            SnaModelGetTables_Khronos(int max, const char *title[], const SnaOption *table[]);

#endif
