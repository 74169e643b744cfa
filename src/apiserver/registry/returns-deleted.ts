// Which resources answer a DELETE with the object that is gone, where others answer with a Status. Pure.

/** `pods`, `csinodes.storage.k8s.io`. Source: ReturnDeletedObject in pkg/registry's storages, as in responses of upstream's OpenAPI document. */
const RETURNS_DELETED: ReadonlySet<string> = new Set([
  'persistentvolumeclaims',
  'persistentvolumes',
  'pods',
  'podtemplates',
  'resourcequotas',
  'serviceaccounts',
  'services',
  'deviceclasses.resource.k8s.io',
  'devicetaintrules.resource.k8s.io',
  'resourceclaims.resource.k8s.io',
  'resourceclaimtemplates.resource.k8s.io',
  'resourcepoolstatusrequests.resource.k8s.io',
  'resourceslices.resource.k8s.io',
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'storageclasses.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'volumeattributesclasses.storage.k8s.io',
]);

export const returnsDeleted = (groupResource: string): boolean => RETURNS_DELETED.has(groupResource);
